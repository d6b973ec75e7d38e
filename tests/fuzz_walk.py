"""In: `python -m tests.fuzz_walk [--seconds N]`. Out: how often the walk differed from git, or failed.

Trees with odd names, rules, links, times and nested repositories; git is the oracle. Each is walked twice,
once without git, and once more while its files change.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any
from unittest import mock

from archon.cli.files import checkouts
from archon.cli.files import git as asking
from archon.cli.files.walk import Walk
from archon.contracts.errors import InvalidInputError
from tests.repositories import git, listed, named, readable, repository

NAMES = [
    *("a", "b", "c.py", "d.log", "e.tmp", "build", "src", "x.y.z", "A", "README.md", "foo", "foobar", "bar"),
    *(" ", " lead", "trail ", "#hash", "!bang", "-dash", ":(top)x", "st*r", "qu?ry", "[ab]", "back\\slash"),
    *("new\nline", "tab\t", "größe", "漢字.py", "e\u0301", "\x7f", '"quoted"', "$HOME", "n" * 250, ".hidden"),
    *(os.fsdecode(b"\xff\xfe"), os.fsdecode(b"caf\xe9.py"), "node_modules", ".env", ".venv", "CON"),
]
PATTERNS: list[Callable[[str, str], str]] = [
    lambda name, _: name,
    lambda name, _: f"/{name}",
    lambda name, _: f"{name}/",
    lambda name, other: f"{name}/{other}",
    lambda name, _: f"**/{name}",
    lambda name, _: f"{name}/**",
    lambda name, other: f"{name}/**/{other}",
    lambda name, _: f"{name}/*",
    lambda name, _: f"*{name[-1:]}",
    lambda name, _: f"{name[:1]}*",
    lambda name, _: f"?{name[1:]}",
    lambda name, _: f"[{name[:1]}-z]*",
    lambda name, _: f"[!{name[:1]}]*",
    lambda name, _: f"\\{name}",
    lambda name, _: f"{name}  ",
    lambda name, _: f"{name}\r",
    lambda name, _: f"[[:alpha:][:digit:]]{name[1:]}",
    lambda name, _: f"[^]-{name[:1]}]*",
    lambda name, _: f"[\\{name[:1]}-\\z]?*",
    lambda name, other: f"{name}**{other}",
    lambda name, other: f"/**/{name}/***/{other}",
    lambda name, _: f"{name}\\",
    lambda name, _: f"{name}\\ ",
    lambda name, _: f"[{name}",
    lambda *_: "*",
    lambda *_: "*.*",
    lambda *_: "*/",
    lambda *_: "[z-a]",
    lambda *_: "",
    lambda *_: "# not a rule",
]
CONTENTS = [b"", b"x = 1\n", b"\xff\xfex\0", b"caf\xe9", b"\0\0", b"\xef\xbb\xbfx", b"x" * 5000]
TIMES = [0, -1, -(2**33), 253402400000, 2**33, 1 << 40]


class Case:
    """One tree, the same for the same number."""

    def __init__(self, number: int, base: Path) -> None:
        self.chance = random.Random(number)
        self.top = repository(base / "top")
        self.base = base
        self.directories = [self.top]

    def build(self) -> Path:
        """Returns the root of the walk."""
        for _ in range(self.chance.randrange(1, 12)):
            self._directory()
        for _ in range(self.chance.randrange(1, 40)):
            self._file()
        self._rules()
        if self.chance.random() < 0.6:
            with contextlib.suppress(Exception):
                git(self.top, "add", "-A")
                git(self.top, "commit", "-q", "-m", "two")
            self._rules()
        for change in self.chance.sample(self._changes(), 3):
            with contextlib.suppress(Exception):
                change()
        inside = [each for each in self.directories if each.is_dir() and not each.is_symlink()]
        return self.chance.choice([self.top, self.chance.choice(inside or [self.top])])

    def disturb(self) -> None:
        """Changes a file, like a person at work."""
        path = self.chance.choice(self._files())
        with contextlib.suppress(OSError):
            path.unlink()
            change = self.chance.randrange(5)
            if change == 1:
                os.mkfifo(path)
            elif change == 2:
                path.symlink_to("/etc/hostname")
            elif change == 3:
                path.mkdir()
            elif change == 4:
                path.write_bytes(b"x" * 3_000_000)

    def _files(self) -> list[Path]:
        return [each for each in self.top.rglob("*") if ".git" not in each.parts] or [self.top / "none"]

    def _path(self) -> Path:
        return self.chance.choice(self.directories) / self.chance.choice(NAMES)

    def _directory(self) -> None:
        path = self._path()
        with contextlib.suppress(OSError):
            path.mkdir()
            self.directories.append(path)

    def _file(self) -> None:
        path = self._path()
        with contextlib.suppress(OSError):
            path.write_bytes(self.chance.choice(CONTENTS))
            if self.chance.random() < 0.2:
                os.utime(path, (0, self.chance.choice(TIMES)))
            if self.chance.random() < 0.1:
                path.chmod(self.chance.choice([0, 0o200, 0o755]))

    def _rules(self) -> None:
        places = [self.chance.choice(self.directories) / ".gitignore" for _ in range(3)]
        places += [self.top / ".gitignore", self.top / ".git/info/exclude", self.base / "config/git/ignore"]
        for place in self.chance.sample(places, self.chance.randrange(len(places))):
            lines = [self._rule() for _ in range(self.chance.randrange(6))]
            with contextlib.suppress(OSError):
                place.parent.mkdir(parents=True, exist_ok=True)
                bom = "\ufeff" if self.chance.random() < 0.1 else ""
                place.write_bytes(os.fsencode(bom + "\n".join(lines)))

    def _rule(self) -> str:
        rule = self.chance.choice(PATTERNS)(self.chance.choice(NAMES), self.chance.choice(NAMES))
        return "!" + rule if self.chance.random() < 0.3 else rule

    def _changes(self) -> list[Callable[[], Any]]:
        return [
            lambda: git(self.top, "init", "-q", os.fspath(self._path())),
            lambda: repository(self._path(), {"inner.py": ""}),
            lambda: git(self.top, "worktree", "add", "-q", "-f", os.fspath(self._path())),
            lambda: git(self.top, "init", "-q", "--bare", os.fspath(self._path())),
            lambda: (self.chance.choice(self.directories) / ".git").write_text("gitdir: nowhere\n"),
            lambda: self._path().symlink_to(self.chance.choice([*self.directories, Path("/nowhere")])),
            lambda: os.mkfifo(self._path()),
            lambda: self.chance.choice(self._files()).unlink(),
            lambda: git(self.top, "rm", "-q", "--cached", os.fspath(self.chance.choice(self._files()))),
            lambda: git(self.top, "add", "-N", "."),
            lambda: git(self.top, "add", "-f", os.fspath(self.chance.choice(self._files()))),
            self._replaced_by_link,
        ]

    def _replaced_by_link(self) -> None:
        path = self.chance.choice(self.directories[1:])
        path.rename(self.base / "moved")
        path.symlink_to(self.base / "moved")


def taken(root: Path, *, disturb: Callable[[], None] | None = None) -> set[str]:
    """The files of the walk, and skipped files whose reason is their content or name."""
    walk = Walk(root, include_secrets=True, max_bytes=10_000_000)
    found = set()
    for path in walk.names:
        if disturb is not None:
            disturb()
        if (file := walk.read(path)) is not None:
            found.add(file.path)
    in_it = ("binary", "name is not UTF-8", "name is blank")
    json.dumps(list(walk.skipped.listed()), ensure_ascii=False).encode()
    return found | {path for path, reason in walk.skipped.entries if reason in in_it and readable(root, path)}


def differences(number: int, base: Path) -> dict[str, Any]:
    """The differences in one case; empty if there are none."""
    # Independent of the user's rules and time zone.
    plain = {"XDG_CONFIG_HOME": str(base / "config"), "HOME": str(base), "GIT_CONFIG_SYSTEM": os.devnull}
    wrong: dict[str, Any] = {}
    with mock.patch.dict(os.environ, plain):
        case = Case(number, base)
        root = case.build()
        try:
            expected, everything, forced = listed(root), named(root), _tracked_and_ignored(root)
        except CalledProcessError as error:  # git itself cannot list it
            with contextlib.suppress(InvalidInputError):  # it is in a git directory
                taken(root)
            return {"oracle": error.stderr.decode(errors="replace")}
        ways: dict[str, Callable[[], tuple[set[str], set[str]]]] = {
            "with git": lambda: (taken(root), expected),
            "without git": lambda: (_without(root), expected - forced - _nested(root, expected)),
        }
        for way, found in ways.items():
            try:
                got, right = found()
                if got != right:
                    wrong[way] = {"more": sorted(got - right), "less": sorted(right - got)}
            except Exception:  # noqa: BLE001 - which one is what is looked for
                wrong[way] = traceback.format_exc()
        try:
            if more := taken(root, disturb=case.disturb) - everything:
                wrong["disturbed"] = sorted(more)
        except Exception:  # noqa: BLE001
            wrong["disturbed"] = traceback.format_exc()
    return wrong


def _without(root: Path) -> set[str]:
    with mock.patch.object(asking, "listing", side_effect=asking.GitError("git is not installed")):
        return taken(root)


def _nested(root: Path, names: set[str]) -> set[str]:
    """The files of a nested repository; git lists it if the outer one tracks something in it."""
    return {
        name
        for name in names
        if any(checkouts.git_directory(root / each) for each in Path(name).parents if each != Path())
    }


def _tracked_and_ignored(root: Path) -> set[str]:
    ignored = git(root, "ls-files", "-z", "-ci", "--exclude-standard")
    return set(map(os.fsdecode, ignored.split(b"\0")[:-1]))


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if the walk differed from git, or failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--case", type=int, help="this one alone")
    given = parser.parse_args(arguments)
    chance, end = random.Random(given.seed), time.monotonic() + given.seconds
    counts: Counter[str] = Counter()
    failures = []
    while not counts["cases"] or (given.case is None and time.monotonic() < end):
        number = given.case if given.case is not None else chance.getrandbits(48)
        base = Path(tempfile.mkdtemp(prefix="fuzz-walk-"))
        try:
            wrong = differences(number, base)
        finally:
            shutil.rmtree(base, ignore_errors=True)
        counts["cases"] += 1
        counts.update(wrong.keys())
        if wrong.keys() - {"oracle"}:
            failures.append({"case": number, **wrong})
    summary = {"seed": given.seed, **counts, "failures": failures[:20]}
    sys.stdout.write(json.dumps(summary, indent=1) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
