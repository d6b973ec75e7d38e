"""Patches, as git writes them for every kind of change, and ranges of a repository that is not trusted."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from archon.cli.files.git import GitError
from archon.cli.files.revisions import Revisions
from archon.cli.graph.changes import of_patch, of_range
from archon.cli.graph.patch import FileChange, parse
from archon.contracts import identity
from archon.contracts.errors import InvalidInputError
from tests.repositories import git, repository, write

NAMES = (
    "a.py",
    "with space.py",
    'quote".py',
    "größe/é.py",
    "tab\tand\nline.py",
    "b/a b/a.py",
    "back\\slash.py",
)


def changed(tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str | None]) -> Path:
    """A checkout with `before` in its commit and `after` in its work tree; None deletes a file."""
    root = repository(tmp_path / "r", before)
    for name, text in after.items():
        if text is None:
            (root / name).unlink()
        else:
            write(root, {name: text})
    git(root, "add", "--intent-to-add", ".")
    return root


def changes(root: Path, given: str | None = None) -> list[FileChange]:
    return parse(Revisions.of(root, given).patch())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quoted", ["true", "false"])
def test_a_path_is_read_whatever_is_in_it(tmp_path: Path, name: str, quoted: str) -> None:
    root = changed(tmp_path, {name: "1\n2\n3\n"}, {name: "1\nX\n3\n"})
    git(root, "config", "core.quotePath", quoted)
    assert changes(root) == [FileChange(name, name, [(2, 2)], [(2, 2)])]


@pytest.mark.parametrize(
    ("after", "lines", "former"),
    [
        ("1\n2\n3\n4\n5\n", [(4, 5)], [(3, 4)]),
        ("0\n1\n2\n3\n", [(1, 1)], [(1, 1)]),
        ("2\n3\n", [(1, 1)], [(1, 1)]),
        ("1\n3\n", [(1, 2)], [(2, 2)]),
        ("1\n2\n", [(2, 3)], [(3, 3)]),
        ("X\n2\nY\n", [(1, 1), (3, 3)], [(1, 1), (3, 3)]),
        ("1\n2\n3", [(3, 3)], [(3, 3)]),
    ],
    ids=["appended", "prepended", "first removed", "removed", "last removed", "twice", "no newline"],
)
def test_the_lines_of_both_sides(
    tmp_path: Path, after: str, lines: list[tuple[int, int]], former: list[tuple[int, int]]
) -> None:
    root = changed(tmp_path, {"a.py": "1\n2\n3\n"}, {"a.py": after})
    (found,) = changes(root)
    assert (found.lines, found.former_lines) == (lines, former)


@pytest.mark.parametrize("context", [0, 1, 3])
def test_lines_of_context_have_not_changed(tmp_path: Path, context: int) -> None:
    text = [str(number) for number in range(30)]
    after = [*text[:9], "X", *text[10:20], "--- a/x", "+++ b/x", *text[20:]]
    root = changed(tmp_path, {"a.py": "\n".join(text)}, {"a.py": "\n".join(after)})
    (found,) = parse(git(root, "diff", f"--unified={context}"))
    assert found.lines == [(10, 10), (21, 22)]


def test_files_that_come_go_and_move(tmp_path: Path) -> None:
    long = "".join(f"line {number}\n" for number in range(20))
    root = changed(
        tmp_path,
        {
            "gone.py": "x\n",
            "empty gone.py": "",
            "old name.py": long,
            "moved.py": "moved\n" * 9,
            "mode.py": "m\n",
        },
        {"gone.py": None, "empty gone.py": None, "old name.py": None, "moved.py": None, "new.py": "a\nb\n"},
    )
    write(root, {"new name.py": long.replace("line 3", "line three"), "d/moved.py": "moved\n" * 9})
    (root / "mode.py").chmod(0o755)
    git(root, "add", "-A")
    found = {each.path or each.former: each for each in changes(root)}
    assert found["gone.py"] == FileChange(None, "gone.py", [(1, 1)], [(1, 1)])
    assert found["empty gone.py"] == FileChange(None, "empty gone.py")
    assert found["new.py"].former is None
    assert found["new.py"].lines == [(1, 2)]
    assert found["new name.py"] == FileChange("new name.py", "old name.py", [(4, 4)], [(4, 4)])
    assert found["d/moved.py"] == FileChange("d/moved.py", "moved.py")
    assert found["mode.py"] == FileChange("mode.py", "mode.py")


def test_a_binary_file_has_no_lines(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / "a b.bin").write_bytes(b"\0\1")
    git(root, "add", "-A")
    (found,) = changes(root)
    assert found == FileChange("a b.bin", None, binary=True)
    assert of_range(root, None).binary == ["a b.bin"]
    git(root, "commit", "-qm", "two")
    (root / "a b.bin").write_bytes(b"\0\2")
    assert parse(git(root, "diff", "--binary")) == [FileChange("a b.bin", "a b.bin", binary=True)]


def test_a_file_name_that_is_not_unicode_is_left_out(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    name = os.fsdecode(b"caf\xe9.py")
    write(root, {name: "x\n", "b.py": "x\n"})
    git(root, "add", "-A")
    found = of_range(root, None)
    assert ([each.name for each in found.files], found.binary) == (["b.py"], [name])


@pytest.mark.parametrize("options", [("--no-prefix",), ("--src-prefix=i/", "--dst-prefix=w/"), ()])
def test_any_prefix_is_understood(tmp_path: Path, options: tuple[str, ...]) -> None:
    root = changed(tmp_path, {"a/b.py": "1\n", "b.py": "1\n"}, {"a/b.py": "2\n", "b.py": "2\n"})
    (root / "a" / "new.py").write_text("x\n")
    git(root, "add", "-N", ".")
    assert [each.path for each in parse(git(root, "diff", *options))] == ["a/b.py", "a/new.py", "b.py"]


def test_a_patch_of_diff_alone_is_understood() -> None:
    patch = b"--- old/x.py\t2026-01-01\n+++ new/x.py\t2026-01-02\n@@ -1 +1,2 @@\n-a\n+b\n+c\n"
    assert parse(b"Only in old: y.py\n" + patch) == [FileChange("new/x.py", "old/x.py", [(1, 2)], [(1, 1)])]


def test_the_mail_around_a_patch_is_ignored(tmp_path: Path) -> None:
    root = changed(tmp_path, {"a.py": "1\n"}, {"a.py": "2\n"})
    git(root, "commit", "-qam", "two\n\n--- a heading\n+++ b\n\n@@ -1 +1 @@\n")
    (found,) = parse(git(root, "format-patch", "-1", "--stdout"))
    assert found == FileChange("a.py", "a.py", [(1, 1)], [(1, 1)])


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (b"diff --cc a.py\n@@@ -1,1 -1,1 +1,1 @@@\n", "merge"),
        (b"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n", "middle of a hunk"),
        (b"--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n+a\n+b\n-c\n", "more lines.*line 3"),
        (b"--- a/x\n+++ b/x\n@@ -0 +0 @@\n-a\n+b\n", "line 0, in its line 3"),
        (b"--- a/x\n+++ b/x\n@@ -1 +0 @@\n-a\n+b\n", "line 0, in its line 3"),
        (b"--- a/ \n+++ b/ \n@@ -1 +1 @@\n-a\n+b\n", "file ' ': is empty"),
        (b'--- "a/\\000x"\n+++ "b/\\000x"\n@@ -1 +1 @@\n-a\n+b\n', "has a NUL"),
        (b"--- a/%b\n+++ b/%b\n@@ -1 +1 @@\n-a\n+b\n" % (b"x" * 5000, b"x" * 5000), "4096"),
    ],
)
def test_a_patch_that_is_none_is_refused(patch: bytes, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refused:
        of_patch(patch)
    assert "\n" not in str(refused.value) and "pydantic" not in str(refused.value)


@pytest.mark.parametrize("between", [b" ", b" x ", b' " '])
def test_names_in_quotes_follow_each_other(between: bytes) -> None:
    """Quotes are not searched for: each of 100,000 that have no end would be followed to the end."""
    header = b'diff --git "a/\\"x"' + between + b'"b/\\"x"\nnew file mode 100644\n'
    (found,) = parse(header)
    assert (found.path == '"x') == (between == b" ")


def test_a_name_without_its_last_quote_is_taken_as_it_is() -> None:
    (found,) = parse(b'diff --git "a/x\\" "b/x\\"\nnew file mode 100644\n'.replace(b'\\"\n', b'\\"x\n'))
    assert found.path is not None


def test_a_range_means_what_git_means_by_it(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "1\n", "sub/b.py": "1\n"})
    git(root, "branch", "side")
    write(root, {"a.py": "2\n"})
    git(root, "commit", "-qam", "main goes on")
    git(root, "checkout", "-q", "side")
    write(root, {"sub/b.py": "2\n"})
    git(root, "commit", "-qam", "side")
    names = git(root, "branch", "--format=%(refname:short)").decode().split()
    (trunk,) = set(names) - {"side"}
    write(root, {"a.py": "3\n"})
    assert {each.path for each in changes(root, f"{trunk}..side")} == {"a.py", "sub/b.py"}
    assert {each.path for each in changes(root, f"{trunk}...side")} == {"sub/b.py"}
    assert {each.path for each in changes(root, f"{trunk}..")} == {"a.py", "sub/b.py"}
    assert {each.path for each in changes(root, trunk)} == {"a.py", "sub/b.py"}
    assert {each.path for each in changes(root)} == {"a.py"}
    assert [each.path for each in changes(root / "sub", "HEAD~1..HEAD")] == ["b.py"]
    for wrong in ("nothing", "HEAD..nothing", "--output=x", "HEAD:a.py"):
        with pytest.raises(InvalidInputError, match="--diff"):
            of_range(root, wrong)


def test_each_side_has_the_hash_of_its_text(tmp_path: Path) -> None:
    root = changed(tmp_path, {"a.py": "1\n"}, {"a.py": "2\n"})
    (file,) = of_range(root, None).files
    assert file.present is not None and file.former is not None
    assert file.present.content_hash == identity.content_hash("2\n")
    assert file.former.content_hash == identity.content_hash("1\n")
    git(root, "commit", "-qam", "two")
    write(root, {"a.py": "3\n"})
    (file,) = of_range(root, "HEAD~1..HEAD").files
    assert file.present is not None and file.present.content_hash == identity.content_hash("2\n")
    (file,) = of_patch(git(root, "diff")).files
    assert (file.present is not None, file.former) == (True, None)


@pytest.mark.threat
def test_a_repository_starts_no_program(tmp_path: Path) -> None:
    root = changed(tmp_path, {"a.py": "1\n", "b.txt": "1\n"}, {"a.py": "2\n", "b.txt": "2\n"})
    evil = tmp_path / "evil"
    (root / ".gitattributes").write_text("* filter=evil=1 diff=evil\n*.txt filter=other\n")
    for key in (
        *("filter.evil=1.clean", "filter.evil=1.process", "filter.other.clean", "diff.external"),
        *("diff.evil.textconv", "diff.evil.command", "core.fsmonitor"),
    ):
        git(root, "config", key, f"touch {evil}; cat")
    git(root, "config", "filter.evil=1.required", "true")
    assert {each.name for each in of_range(root, None).files} == {"a.py", "b.txt"}
    assert not evil.exists()
    with contextlib.suppress(CalledProcessError):
        git(root, "diff")
    assert evil.exists(), "the same repository starts them for git's own diff"


def test_without_a_repository_the_reason_is_given(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="not a git repository"):
        of_range(tmp_path, None)
    with pytest.raises(GitError):
        Revisions.of(tmp_path, None)
