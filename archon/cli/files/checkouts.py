"""In: a directory. Out: whether it is the top of a git checkout, and its git directory.

Used if git is not available; follows git's gitrepository-layout(5).
"""

import os
import re
from pathlib import Path
from typing import Final

_LONGEST_GITFILE: Final = 1 << 20
_HEAD: Final = re.compile(rb"ref: *refs/|[0-9a-f]{40}")


def top_of(directory: Path) -> Path | None:
    """The top of the work tree that contains `directory`; None if there is none.

    A work tree whose repository is missing also counts, as in a container.
    """
    return next((each for each in (directory, *directory.parents) if _is_top(each)), None)


def is_inside_git_directory(directory: Path) -> bool:
    """Whether it is inside a git directory or a bare repository, and not in a work tree within that."""
    for each in (directory, *directory.parents):
        if is_git_directory(each):
            return True
        if git_directory(each):
            return False
    return False


def git_directory(top: Path) -> Path | None:
    """The git directory of the checkout with this top: `.git`, or the target of a file with that name."""
    dot = top / ".git"
    found = dot if os.path.isdir(dot) else _named_by(dot)
    return found if found and is_git_directory(found) else None


def _is_top(directory: Path) -> bool:
    return bool(git_directory(directory) or _named_by(directory / ".git"))


def _named_by(file: Path) -> Path | None:
    """The target of the `.git` file of a submodule or an additional work tree."""
    try:
        if not os.path.isfile(file):
            return None
        with file.open("rb") as opened:
            head, _, path_bytes = opened.read(_LONGEST_GITFILE).partition(b"gitdir: ")
    except OSError:
        return None
    return file.parent / os.fsdecode(path_bytes.rstrip(b"\r\n")) if path_bytes and not head else None


def is_git_directory(path: Path) -> bool:
    """Checks for the same files as git."""
    try:
        head = path / "HEAD"
        valid = os.path.islink(head) or _HEAD.match(head.read_bytes()[:256])
        common = common_directory(path)
        return bool(valid) and os.path.isdir(common / "objects") and os.path.isdir(common / "refs")
    except (OSError, ValueError):
        return False


def common_directory(git_directory: Path) -> Path:
    """The directory that all work trees of a repository share."""
    try:
        path_bytes = (git_directory / "commondir").read_bytes()
    except OSError:
        return git_directory
    return Path(os.path.normpath(git_directory / os.fsdecode(path_bytes.rstrip(b"\r\n"))))
