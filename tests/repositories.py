"""In: a directory. Out: git repositories in it, and git's own file list: the oracle of the walk."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

GIT = ("git", "-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "protocol.file.allow=always")
PLAIN = {"GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


def git(where: Path, *arguments: str, **environment: str) -> bytes:
    """Raises CalledProcessError."""
    outside = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_INDEX_FILE"}}
    finished = subprocess.run(
        [*GIT, *arguments], cwd=where, check=True, capture_output=True, env=outside | PLAIN | environment
    )
    return finished.stdout


def repository(where: Path, files: Mapping[str, str] | None = None) -> Path:
    """A repository whose only commit has these files, except ignored ones."""
    where.mkdir(parents=True, exist_ok=True)
    git(where, "init", "-q")
    write(where, files or {})
    git(where, "add", "-A")
    git(where, "commit", "-q", "--allow-empty", "-m", "one")
    return where


def write(where: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)


def listed(where: Path) -> set[str]:
    """The readable files among `named`."""
    return {name for name in named(where) if readable(where, name)}


def named(where: Path) -> set[str]:
    """The files that git tracks or lists as untracked and not ignored; some may not exist."""
    stages = git(where, "ls-files", "-z", "--stage").split(b"\0")[:-1]
    links = {os.fsdecode(each.partition(b"\t")[2]) for each in stages if each.startswith(b"160000")}
    listing = git(where, "ls-files", "-z", "-co", "--exclude-standard")
    names = set(map(os.fsdecode, listing.split(b"\0")[:-1])) - links
    return {name for name in names if not name.endswith("/")}


def readable(where: Path, name: str) -> bool:
    """Whether it is a file that is reached without following a link."""
    path = where / name
    above: Sequence[Path] = path.relative_to(where).parents
    return path.is_file() and not path.is_symlink() and not any((where / each).is_symlink() for each in above)
