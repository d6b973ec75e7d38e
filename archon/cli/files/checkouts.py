"""In: a directory. Out: whether it is the top of a git checkout, and which git directory is its own.

For where git cannot be asked; the rules are those of git's gitrepository-layout(5).
"""

import os
import re
from pathlib import Path
from typing import Final

_LONGEST_GITFILE: Final = 1 << 20
_HEAD: Final = re.compile(rb"ref: *refs/|[0-9a-f]{40}")


def top_of(directory: Path) -> Path | None:
    """The top of the work tree that `directory` is in; None where there is none.

    It also is one where the repository that it belongs to is not there, as in a container.
    """
    return next((each for each in (directory, *directory.parents) if _is_top(each)), None)


def is_inside_git_directory(directory: Path) -> bool:
    """Whether it is in a git directory, or in a bare repository, and in no work tree within that."""
    for each in (directory, *directory.parents):
        if is_git_directory(each):
            return True
        if git_directory(each):
            return False
    return False


def git_directory(top: Path) -> Path | None:
    """The git directory of the checkout whose top this is: `.git`, or what a file of that name leads to."""
    dot = top / ".git"
    found = dot if os.path.isdir(dot) else _named_by(dot)
    return found if found and is_git_directory(found) else None


def _is_top(directory: Path) -> bool:
    return bool(git_directory(directory) or _named_by(directory / ".git"))


def _named_by(file: Path) -> Path | None:
    """Where the `.git` file of a submodule or of another work tree leads to."""
    try:
        if not os.path.isfile(file):
            return None
        with file.open("rb") as opened:
            head, _, path_bytes = opened.read(_LONGEST_GITFILE).partition(b"gitdir: ")
    except OSError:
        return None
    return file.parent / os.fsdecode(path_bytes.rstrip(b"\r\n")) if path_bytes and not head else None


def is_git_directory(path: Path) -> bool:
    """Whether it has what git itself looks for."""
    try:
        head = path / "HEAD"
        valid = os.path.islink(head) or _HEAD.match(head.read_bytes()[:256])
        common = common_directory(path)
        return bool(valid) and os.path.isdir(common / "objects") and os.path.isdir(common / "refs")
    except (OSError, ValueError):
        return False


def common_directory(git_directory: Path) -> Path:
    """What all work trees of a repository share."""
    try:
        path_bytes = (git_directory / "commondir").read_bytes()
    except OSError:
        return git_directory
    return Path(os.path.normpath(git_directory / os.fsdecode(path_bytes.rstrip(b"\r\n"))))
