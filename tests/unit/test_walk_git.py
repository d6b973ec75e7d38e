"""The walk takes the same files as git, with and without git; git itself is the oracle."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from archon.cli.files import git as asking
from archon.cli.files.walk import Walk
from archon.contracts.errors import InvalidInputError
from tests.fuzz_walk import differences
from tests.repositories import git, listed, repository, write

Shape = Callable[[Path, pytest.MonkeyPatch], Path]
"""Makes repositories below a directory; returns the one to walk."""

NOBODY = 65534
FILES = {
    ".gitignore": "*.log\n/build/\n!keep.log\ngen/*\n!gen/kept.py\n**/cache/\n*.secret\n\\#odd\ntrail\\ \n",
    "a.py": "x = 1",
    "b.log": "",
    "keep.log": "",
    "build/c.py": "",
    "deep/build/d.py": "",
    "deep/.gitignore": "!\n[z-a]\n*.tmp\n!/b.log\n",
    "deep/b.log": "",
    "deep/e.tmp": "",
    "gen/a.py": "",
    "gen/kept.py": "",
    "x/y/cache/z.py": "",
    "#odd": "",
    "trail ": "",
    "new\nline.py": "",
    "café/größe.py": "",
}


def plain(base: Path, _: pytest.MonkeyPatch) -> Path:
    return repository(base, FILES)


def untracked(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base)
    write(top, FILES)
    return top


def below(base: Path, _: pytest.MonkeyPatch) -> Path:
    """Rules of two levels above the root apply, and one that an inner file negates."""
    repository(
        base,
        {
            ".gitignore": "*.secret\ngenerated/\n/one/two/three/private.py\n",
            "one/.gitignore": "*.tmp\n!open.secret\n",
            "one/two/three/prod.secret": "",
            "one/two/three/open.secret": "",
            "one/two/three/a.tmp": "",
            "one/two/three/private.py": "",
            "one/two/three/generated/stub.py": "",
            "one/two/three/main.py": "",
        },
    )
    return base / "one" / "two" / "three"


def info_exclude(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base, {"a.py": "", "sub/b.py": ""})
    (top / ".git" / "info").mkdir(exist_ok=True)
    (top / ".git" / "info" / "exclude").write_text("local.py\n/sub/only.py\n")
    write(top, {"local.py": "", "sub/local.py": "", "sub/only.py": "", "only.py": ""})
    return top / "sub"


def global_default(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(base / "config"))
    write(base, {"config/git/ignore": "*.swp\n"})
    return repository(base / "top", {"a.py": "", "a.swp": ""})


def global_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(base / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    config = '[user]\n\tname = n\n[core] # mine\n\texcludesFile = "~/ig nore" ; here\n'
    write(base, {"home/.gitconfig": config, "home/ig nore": "*.swp\n"})
    return repository(base / "top", {"a.py": "", "a.swp": ""})


def repository_named(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base / "top", {"a.py": "", "a.swp": "", "b.tmp": ""})
    write(base, {"mine": "*.swp\n"})
    git(top, "config", "core.excludesFile", str(base / "mine"))
    write(top, {"new.swp": ""})
    git(top, "rm", "-q", "--cached", "a.swp")
    return top


def nested(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base, {"a.py": ""})
    repository(top / "other", {"b.py": ""})
    git(top, "init", "-q", "empty")
    write(top, {"empty/c.py": "", "no/.git": "nothing of git's", "no/d.py": ""})
    return top


def worktree_inside(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base, {"a.py": ""})
    git(top, "worktree", "add", "-q", "second", "-b", "second")
    return top


def of_a_worktree(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base / "top", {"a.py": "", ".gitignore": "*.log\n"})
    git(top, "worktree", "add", "-q", "../second", "-b", "second")
    (top / ".git" / "info").mkdir(exist_ok=True)
    (top / ".git" / "info" / "exclude").write_text("local.py\n")
    write(base / "second", {"local.py": "", "b.log": "", "c.py": ""})
    return base / "second"


def submodule(base: Path, _: pytest.MonkeyPatch) -> Path:
    repository(base / "library", {"b.py": ""})
    top = repository(base / "top", {"a.py": ""})
    git(top, "submodule", "--quiet", "add", str(base / "library"), "library")
    git(top, "commit", "-q", "-m", "two")
    return top


def in_a_submodule(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = submodule(base, monkeypatch)
    write(top, {".gitignore": "*.py\n", "library/new.py": ""})
    return top / "library"


def submodule_not_there(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(base, "clone", "-q", str(submodule(base, monkeypatch)), "clone")
    return base / "clone"


def deleted(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = plain(base, monkeypatch)
    (top / "a.py").unlink()
    return top


def intended(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base, {"a.py": ""})
    write(top, {"b.py": ""})
    git(top, "add", "--intent-to-add", "b.py")
    return top


def unmerged(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base, {"a.py": "1"})
    git(top, "checkout", "-q", "-b", "other")
    git(top, "branch", "mine")
    for branch, text in (("other", "2"), ("mine", "3")):
        git(top, "checkout", "-q", branch)
        write(top, {"a.py": text})
        git(top, "commit", "-qam", text)
    with pytest.raises(CalledProcessError):
        git(top, "merge", "other")
    return top


def links(base: Path, _: pytest.MonkeyPatch) -> Path:
    """A link has replaced a directory: git lists the files in it, but they do not exist."""
    top = repository(base / "top", {"a.py": "", "in/b.py": "", ".gitignore": "ignored/\n"})
    (top / "in").rename(base / "elsewhere")
    (top / "in").symlink_to(base / "elsewhere")
    (top / "loop").symlink_to(top)
    (top / "ignored").symlink_to(base / "elsewhere")
    (top / "file.py").symlink_to(top / "a.py")
    return top


def not_unix(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base)
    (top / ".gitignore").write_bytes(b"\xef\xbb\xbf*.log\r\n*.tmp\r\n")
    (top / "sub").mkdir()
    (top / "sub" / ".gitignore").symlink_to(top / "a.tmp")
    write(top, {"a.log": "", "a.tmp": "*", "sub/b.py": ""})
    return top


def bare_inside(base: Path, _: pytest.MonkeyPatch) -> Path:
    top = repository(base, {"a.py": ""})
    git(top, "init", "-q", "--bare", "remote.git")
    return top


SHAPES: list[Shape] = [
    *(plain, untracked, below, info_exclude, global_default, global_named, repository_named),
    *(nested, worktree_inside, of_a_worktree, submodule, in_a_submodule, submodule_not_there),
    *(deleted, intended, unmerged, links, not_unix, bare_inside),
]


@pytest.fixture(params=["with", "without"])
def without_git(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Hides git, if the test is the one without; returns whether it did."""

    def take() -> bool:
        if request.param == "without":
            monkeypatch.setenv("PATH", "")
        return bool(request.param == "without")

    return take


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the rules of the user who runs the tests."""
    for name, value in {"GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(tmp_path.parent)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_walk_finds_what_git_lists(
    shape: Shape, without_git: Callable[[], bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shape(tmp_path, monkeypatch)
    expected = listed(root)
    assert expected
    is_without = without_git()
    walk = Walk(root, include_secrets=True)
    assert {file.path for file in walk} == expected
    assert (walk.without_git is None) != is_without
    assert not any(".git" in Path(path).parts for path, _ in walk.skipped.entries)


@pytest.mark.parametrize(
    ("shape", "left_out"),
    [
        (nested, ["empty/", "other/"]),
        (worktree_inside, ["second/"]),
        (submodule, ["library/"]),
    ],
)
def test_another_checkout_is_named(
    shape: Shape,
    left_out: list[str],
    without_git: Callable[[], bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = shape(tmp_path, monkeypatch)
    without_git()
    walk = Walk(root)
    assert list(walk)
    assert [path for path, reason in walk.skipped.listed() if reason == "another checkout"] == left_out


@pytest.mark.sampled(1)
@pytest.mark.parametrize("number", range(10))
def test_a_walk_of_a_random_tree_finds_what_git_lists(number: int, tmp_path: Path) -> None:
    """Some of the cases of `make fuzz-walk`."""
    assert differences(number, tmp_path).keys() <= {"oracle"}


def test_a_tracked_file_is_taken_though_a_rule_names_it(tmp_path: Path) -> None:
    top = repository(tmp_path, {"a.py": "", "b.log": ""})
    write(top, {".gitignore": "*.log\n", "c.log": ""})
    assert {file.path for file in Walk(top)} == listed(top) == {".gitignore", "a.py", "b.log"}


def test_a_sparse_checkout_has_the_rules_that_it_does_not_show(tmp_path: Path) -> None:
    top = repository(tmp_path, {"in/a.py": "", "out/b.py": "", "out/.gitignore": "*.log\n"})
    git(top, "sparse-checkout", "set", "--no-cone", "/in/")
    write(top, {"out/c.log": "", "out/d.py": ""})
    walk = Walk(top)
    assert {file.path for file in walk} == listed(top) == {"in/a.py", "out/d.py"}
    assert ("out/b.py", "not in the work tree") in walk.skipped.entries
    assert ("out/c.log", "ignored") in walk.skipped.entries


def test_a_directory_in_which_all_is_ignored_is_named_once(
    without_git: Callable[[], bool], tmp_path: Path
) -> None:
    files = {
        "a.py": "",
        "own/.gitignore": "*\n",
        "own/deep/b.py": "",
        "outer/inner/.gitignore": "*\n",
        "outer/inner/c.py": "",
        ".gitignore": "*.log\n/named/\n",
        "logs/d.log": "",
        "named/.gitignore": "*\n",
        "mixed/e.log": "",
        "mixed/f.py": "",
    }
    top = repository(tmp_path)
    write(top, files)
    without_git()
    walk = Walk(top)
    assert {file.path for file in walk} == {".gitignore", "a.py", "mixed/f.py"}
    assert dict(walk.skipped.listed()) == {
        "own/": "ignored directory",
        "outer/": "ignored directory",
        "logs/": "ignored directory",
        "named/": "ignored directory",
        "mixed/e.log": "ignored",
    }
    assert len(walk.skipped.entries) == 5


def test_every_file_is_taken_or_named(without_git: Callable[[], bool], tmp_path: Path) -> None:
    top = repository(tmp_path)
    write(top, FILES)
    without_git()
    walk = Walk(top)
    taken = {file.path for file in walk}
    named = {path for path, _ in walk.skipped.entries}
    for path in FILES:
        above = {f"{each}/" for each in Path(path).parents}
        assert path in taken or ({path} | above) & named, path


def test_what_is_ignored_is_not_taken_by_its_own_name_either(
    without_git: Callable[[], bool], tmp_path: Path
) -> None:
    top = repository(tmp_path, {".gitignore": "build/\n*.log\n", "a.py": ""})
    write(top, {"build/x/b.py": "", "c.log": ""})
    without_git()
    for root in (top / "build", top / "build" / "x", top / "build" / "x" / "b.py", top / "c.log"):
        walk = Walk(root)
        assert list(walk) == []
        assert len(walk.skipped.entries) == 1
    assert [file.path for file in Walk(top / "a.py")] == ["a.py"]
    os.mkfifo(top / "pipe")
    walk = Walk(top / "pipe")
    assert list(walk) == []
    assert walk.skipped.entries == [("pipe", "not a regular file")]


@pytest.fixture
def closed() -> Iterator[Path]:
    """A repository with an unreadable directory and file, for any user."""
    with tempfile.TemporaryDirectory() as base:
        top = repository(Path(base), {"a.py": ""})
        write(top, {"closed/b.py": "", "c.py": ""})
        list(Walk(top))  # lazily imported modules may also be unreadable
        is_root = os.geteuid() == 0
        for path in [top, *top.rglob("*")] if is_root else []:
            os.chown(path, NOBODY, NOBODY)
        (top / "closed").chmod(0)
        (top / "c.py").chmod(0)
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield top
        finally:
            if is_root:
                os.seteuid(0)
            (top / "closed").chmod(0o700)


def test_what_is_closed_is_named(without_git: Callable[[], bool], closed: Path) -> None:
    without_git()
    walk = Walk(closed)
    assert [file.path for file in walk] == ["a.py"]
    assert dict(walk.skipped.listed()) == {"closed/": "unreadable directory", "c.py": "unreadable"}
    walk = Walk(closed / "closed")
    assert list(walk) == []
    assert walk.skipped.entries == [("./", "unreadable directory")]


@pytest.mark.parametrize("place", [".git", ".git/hooks", ".git/config", "bare.git", "bare.git/refs"])
def test_a_git_directory_holds_no_sources(
    place: str, without_git: Callable[[], bool], tmp_path: Path
) -> None:
    top = repository(tmp_path, {"a.py": ""})
    git(top, "init", "-q", "--bare", "bare.git")
    without_git()
    with pytest.raises(InvalidInputError, match=r"PATH.*git directory"):
        _ = Walk(top / place).names


def test_the_repository_of_a_hook_is_not_the_one_that_is_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = repository(tmp_path / "hooked", {"hooked.py": ""})
    top = repository(tmp_path / "top", {"a.py": "", "b.log": ""})
    write(top, {".gitignore": "*.tmp\n", "c.tmp": ""})
    for name, value in {
        "GIT_DIR": hooked / ".git",
        "GIT_WORK_TREE": hooked,
        "GIT_INDEX_FILE": hooked / ".git" / "index",
    }.items():
        monkeypatch.setenv(name, str(value))
    assert [file.path for file in Walk(top)] == [".gitignore", "a.py", "b.log"]
    assert asking.commit(top) == git(top, "rev-parse", "HEAD", GIT_DIR=str(top / ".git")).decode().strip()


def test_a_repository_of_another_owner_is_read_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository(tmp_path, FILES)
    expected = listed(top)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    walk = Walk(top)
    assert {file.path for file in walk} == expected
    assert "dubious ownership" in str(walk.without_git)


def test_a_work_tree_whose_repository_is_not_there_keeps_its_rules(tmp_path: Path) -> None:
    top = repository(tmp_path / "top", {".gitignore": "*.secret\n", "service/a.py": ""})
    git(top, "worktree", "add", "-q", "../second", "-b", "second")
    (top / ".git").rename(tmp_path / "away")
    write(tmp_path, {"second/service/prod.secret": ""})
    walk = Walk(tmp_path / "second" / "service")
    assert [file.path for file in walk] == ["a.py"]
    assert "not a git repository" in str(walk.without_git)


def test_no_program_that_a_repository_names_is_run(tmp_path: Path) -> None:
    top = repository(tmp_path, {"a.py": "", ".gitattributes": "* filter=evil diff=evil\n"})
    evil = f"touch {tmp_path.parent / 'evil'}; cat"
    for name in ("core.fsmonitor", "filter.evil.clean", "diff.evil.textconv", "diff.external", "core.pager"):
        git(top, "config", name, evil)
    (top / "a.py").rename(top / "b.py")
    commit = asking.commit(top)
    assert commit is not None
    assert [file.path for file in Walk(top)] == [".gitattributes", "b.py"]
    asking.renames(top, commit)
    assert not (tmp_path.parent / "evil").exists()


def test_one_of_several_work_trees_is_read_and_each_repository_by_its_own_rules(
    without_git: Callable[[], bool], tmp_path: Path
) -> None:
    """The root is in no repository, like a directory of several projects."""
    main = repository(tmp_path / "main", {"a.py": "", ".gitignore": "*.log\n"})
    git(main, "worktree", "add", "-q", "../a-second", "-b", "second")
    write(repository(tmp_path / "other"), {".git/info/exclude": "local.py\n", "local.py": "", "b.py": ""})
    git(tmp_path, "init", "-q", "--bare", "backup.git")
    write(tmp_path, {"main/x.log": "", "notes.md": "", "node_modules/c.js": "", "sub/x.log": ""})
    without_git()
    walk = Walk(tmp_path)
    taken = {"main/a.py", "main/.gitignore", "other/b.py", "notes.md", "sub/x.log"}
    assert {file.path for file in walk} == taken
    assert set(walk.skipped.listed()) == {
        ("a-second/", "another checkout"),
        ("backup.git/", "git directory"),
        ("main/x.log", "ignored"),
        ("node_modules/", "directory of a tool"),
        ("other/local.py", "ignored"),
    }


def test_a_checkout_that_says_it_is_bare_does_not_end_the_walk_around_it(tmp_path: Path) -> None:
    git(repository(tmp_path / "odd", {"a.py": ""}), "config", "core.bare", "true")
    write(tmp_path, {"b.py": ""})
    walk = Walk(tmp_path)
    assert [file.path for file in walk] == ["b.py"]
    assert walk.skipped.entries == [("odd/", "git directory")]


def test_outside_of_every_repository_git_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.py": ""})
    monkeypatch.setenv("PATH", "")
    walk = Walk(tmp_path)
    assert [file.path for file in walk] == ["a.py"]
    assert walk.without_git is None


def test_the_commit_is_that_of_the_work_tree(tmp_path: Path) -> None:
    assert asking.commit(tmp_path) is None
    top = repository(tmp_path)
    assert asking.commit(top) == git(top, "rev-parse", "HEAD").decode().strip()


def test_git_finds_a_renamed_file_that_changed_a_little(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(50))
    top = repository(tmp_path, {"sub/base.py": text, "sub/odd\nname.py": text[::-1], "same.py": "x"})
    first = asking.commit(top)
    assert first is not None
    git(top, "mv", "sub/base.py", "sub/core.py")
    git(top, "mv", "sub/odd\nname.py", "sub/ü.py")
    write(top, {"sub/core.py": text + "one more\n"})
    git(top, "add", "-A")
    assert asking.renames(top, first) == {
        "sub/core.py": "sub/base.py",
        "sub/ü.py": "sub/odd\nname.py",
    }
    assert asking.renames(top / "sub", first) == {"core.py": "base.py", "ü.py": "odd\nname.py"}
    assert asking.renames(top, "0" * 40) == {}
    assert asking.renames(top, "--output=evil") == {}
