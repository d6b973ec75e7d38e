"""In: a range of git revisions, or a patch. Out: the changed files with their lines on both sides."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from archon.cli.files.git import GitError
from archon.cli.files.revisions import Revisions
from archon.cli.graph.patch import FileChange, Lines, parse
from archon.contracts import identity
from archon.contracts.code.patches import FILES_LIMIT, RANGES_LIMIT, ChangedFile, Side
from archon.contracts.errors import InvalidInputError
from archon.contracts.json_values import not_unicode
from archon.runtime.reasons import wrong

_SHOWN: Final = 100
"""Characters of a name in an error."""
Read = Callable[[str], str | None]
"""Reads one side of a file by its path; None if it is not text."""


@dataclass
class Changes:
    """`files` to ask about; paths of files whose lines are not known, `binary` or with a name that is not
    text; and files that only moved."""

    files: list[ChangedFile] = field(default_factory=list)
    binary: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)


def of_range(root: Path, given: str | None) -> Changes:
    """The changes below `root`. Raises InvalidInputError if git does not know the range."""
    try:
        revisions = Revisions.of(root, given)
        patch = revisions.patch()
    except GitError as error:
        raise InvalidInputError("--diff", f"{given or 'HEAD'}: {error}") from error
    return _changes(parse(patch), revisions.new_text, revisions.old_text)


def of_patch(patch: bytes) -> Changes:
    """Without the texts of both sides, lines are those of the present one."""
    return _changes(parse(patch), None, None)


def _changes(found: list[FileChange], present: Read | None, former: Read | None) -> Changes:
    changes = Changes()
    for each in found:
        name = each.path or each.former or ""
        if each.binary or not_unicode(name) or not_unicode(each.former or ""):
            changes.binary.append(name)
        elif each.path is not None and each.former is not None and not each.lines:
            if each.path != each.former:
                changes.moved.append(name)
        else:
            changes.files.append(_checked(each, present, former))
    if len(changes.files) > FILES_LIMIT:
        raise InvalidInputError(
            "--diff", f"changes {len(changes.files)} files; at most {FILES_LIMIT} are possible"
        )
    return changes


def _checked(change: FileChange, present: Read | None, former: Read | None) -> ChangedFile:
    """Raises InvalidInputError for a name that no document has, such as an empty one."""
    try:
        return _file(change, present, former)
    except ValidationError as error:
        name = ascii((change.path or change.former or "")[:_SHOWN])
        raise InvalidInputError("--diff", f"file {name}: {wrong(error.errors()[0])}") from error


def _file(change: FileChange, present: Read | None, former: Read | None) -> ChangedFile:
    deleted, new = change.path is None, change.former is None
    return ChangedFile(
        present=None if deleted else _side(change.path or "", None if new else change.lines, present),
        # A patch alone has no hash to recognise a former side by, so it counts only where a file is gone.
        former=None
        if new or (former is None and not deleted)
        else _side(change.former or "", None if deleted else change.former_lines, former),
    )


def _side(path: str, lines: Lines | None, read: Read | None) -> Side:
    text = read(path) if read is not None else None
    whole = lines is None or len(lines) > RANGES_LIMIT
    return Side(
        file_path=path,
        content_hash=identity.content_hash(text) if text is not None else None,
        lines=None if whole else lines,
    )
