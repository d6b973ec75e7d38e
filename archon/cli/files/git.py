"""In: a directory. Out: git's answers: the files of its work tree, its commit, its renames.

Git reads the configuration of the repository, which is untrusted. So all settings that could start a program
are disabled: file system monitor, filters, text conversion.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

ANOTHER_CHECKOUT: Final = "another checkout"
GIT_DIRECTORY: Final = "git directory"
IGNORED: Final = "ignored"
IGNORED_DIRECTORY: Final = "ignored directory"
UNREADABLE_DIRECTORY: Final = "unreadable directory"
_GITLINK: Final = "160000"
_OF_ONE_REPOSITORY: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_COUNT",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    }
)
"""The output of `git rev-parse --local-env-vars`, and variables that change the meaning of paths. A hook sets
them for its own repository."""
_ALWAYS: Final = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
}


class GitError(Exception):
    """Git is not installed, or it refuses to answer; the message is git's first line."""


class NoWorkTreeError(GitError):
    """The path is in no repository."""


class InsideGitDirectoryError(GitError):
    """The path is in a git directory or a bare repository, which has no work tree."""


@dataclass
class Listing:
    """Files, and skipped paths with their reason, relative to the root, with forward slashes.

    Directory paths end with a slash. `without_git`: why git was not used although it should have been.
    """

    files: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    without_git: str | None = None


def listing(root: Path) -> Listing:
    """The tracked files below `root` (or `root` itself, if it is a file), and untracked files that are not
    ignored.

    Raises NoWorkTreeError, InsideGitDirectoryError, or GitError if git is not usable.
    """
    directory, only = (root, []) if root.is_dir() else (root.parent, ["--", root.name])
    inside, _ = ask(directory, "rev-parse", "--is-inside-work-tree")
    if inside.strip() != b"true":
        raise InsideGitDirectoryError(f"{root} is in a git directory, not in a work tree")
    tracked, _ = ask(directory, "ls-files", "-z", "--stage", *only)
    others, warnings = ask(directory, "ls-files", "-z", "--others", "--exclude-standard", *only)
    found = Listing()
    files: set[str] = set()
    for entry in _split(tracked):
        head, _, path = entry.partition("\t")
        if head.startswith(_GITLINK):
            found.skipped.append((path + "/", ANOTHER_CHECKOUT))
        else:
            files.add(path)
    for path in _split(others):
        if path.endswith("/"):
            found.skipped.append((path, ANOTHER_CHECKOUT))
        else:
            files.add(path)
    if only and not root.is_file():  # git lists no pipes and no sockets; reading gives the reason
        files.add(root.name)
    found.files = sorted(files)
    found.skipped += [(path, UNREADABLE_DIRECTORY) for path in _unopened(warnings)]
    if only:
        found.skipped += [] if files or found.skipped else [(root.name, IGNORED)]
    else:
        found.skipped += _ignored(directory)
    return found


def commit(path: Path) -> str | None:
    """The commit checked out at `path`; None without git, or outside its work trees."""
    try:
        answer, _ = ask(path if path.is_dir() else path.parent, "rev-parse", "--verify", "HEAD")
    except GitError:
        return None
    return answer.decode().strip()


def renames(root: Path, since: str) -> dict[str, str]:
    """Renames below `root` between the commit `since` and the index: old paths by new paths.

    Empty if git cannot compare, for example with an unknown commit.
    """
    options = ("--cached", "--find-renames", "--diff-filter=R", "--name-status", "-z", "--relative")
    try:
        answer, _ = ask(root, "diff-index", *options, "--end-of-options", since, "--")
    except GitError:
        return {}
    parts = _split(answer)
    return dict(zip(parts[2::3], parts[1::3], strict=True))


def _ignored(directory: Path) -> Iterator[tuple[str, str]]:
    """Ignored paths; a directory stands for its contents."""
    try:
        answer, _ = ask(
            directory, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"
        )
    except GitError:  # git does not answer in an ignored directory
        answer = b"./\0"
    found = _split(answer)
    directories = {path for path in found if path.endswith("/")}
    for path in found:
        # If a directory's own rules ignore all its contents, git lists each file.
        if directories.isdisjoint(f"{each}/" for each in PurePosixPath(path).parents):
            yield path, IGNORED_DIRECTORY if path.endswith("/") else IGNORED


def ask(
    directory: Path, *command: str, settings: Mapping[str, str] | None = None
) -> tuple[bytes, list[bytes]]:
    """Git's output, and its warnings. `settings` override the repository's configuration. Raises GitError."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ONE_REPOSITORY}
    for number, (name, value) in enumerate((settings or {}).items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    environment["GIT_CONFIG_COUNT"] = str(len(settings or {}))
    try:
        finished = subprocess.run(
            ("git", "-c", "core.fsmonitor=false", *command),
            cwd=directory,
            env=environment | _ALWAYS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed") from error
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    said = finished.stderr.splitlines()
    if finished.returncode == 0:
        return finished.stdout, said
    reason = (said[0] if said else b"git failed").decode(errors="replace").removeprefix("fatal: ")
    raise (NoWorkTreeError if reason.startswith("not a git repository (") else GitError)(reason)


def _split(answer: bytes) -> list[str]:
    return os.fsdecode(answer).split("\0")[:-1]


def _unopened(warnings: Iterable[bytes]) -> Iterator[str]:
    for line in warnings:
        _, found, rest = line.partition(b"could not open directory '")
        if found:
            yield os.fsdecode(rest.rpartition(b"'")[0])
