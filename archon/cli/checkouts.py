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
    """The top of the work tree that `directory` is in; None where there is none."""
    return next((each for each in (directory, *directory.parents) if git_directory(each)), None)


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
    try:
        if dot.is_dir():
            found = dot
        else:
            head, _, told = dot.read_bytes()[:_LONGEST_GITFILE].partition(b"gitdir: ")
            found = top / os.fsdecode(told.rstrip(b"\r\n"))
            if head or not told:
                return None
    except (OSError, ValueError):
        return None
    return found if is_git_directory(found) else None


def is_git_directory(path: Path) -> bool:
    """Whether it has what git itself looks for."""
    try:
        head = path / "HEAD"
        valid = head.is_symlink() or _HEAD.match(head.read_bytes()[:256])
        common = common_directory(path)
        return bool(valid) and (common / "objects").is_dir() and (common / "refs").is_dir()
    except (OSError, ValueError):
        return False


def common_directory(git_directory: Path) -> Path:
    """What all work trees of a repository share."""
    try:
        told = (git_directory / "commondir").read_bytes()
    except OSError:
        return git_directory
    return Path(os.path.normpath(git_directory / os.fsdecode(told.rstrip(b"\r\n"))))
