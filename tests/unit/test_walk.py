"""The files of a tree that are read, their encoding, and the reasons for the others."""

import json
import os
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archon.cli.files.walk import Walk, is_gone
from archon.cli.ingest.plan import Plan, project_of
from archon.contracts import errors


def test_a_walk_takes_what_git_would_and_counts_the_rest(tmp_path: Path) -> None:
    files = {
        ".gitignore": "*.log\n/build/\n!keep.log\n",
        "a.py": "x = 1",
        "b.log": "no",
        "keep.log": "yes",
        "build/c.py": "no",
        "deep/build/d.py": "yes",
        "deep/.gitignore": "!\n[z-a]\n*.tmp\n",
        "deep/e.tmp": "no",
        ".git/config": "no",
        "empty.txt": "",
        " ": "no",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "binary").write_bytes(b"\0\1\2")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbfx = 1")
    (tmp_path / "large.txt").write_text("x" * 2000)
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    walk = Walk(tmp_path, max_bytes=1000)
    found = {file.path: file.text for file in walk}
    assert sorted(found) == [
        ".gitignore",
        "a.py",
        "bom.py",
        "deep/.gitignore",
        "deep/build/d.py",
        "empty.txt",
        "keep.log",
        "latin.txt",
    ]
    assert (found["latin.txt"], found["bom.py"]) == ("café", "x = 1")
    assert list(walk.skipped.listed()) == [
        (" ", "name is blank"),
        ("b.log", "ignored"),
        ("binary", "binary"),
        ("build/", "ignored directory"),
        ("deep/e.tmp", "ignored"),
        ("large.txt", "too large"),
        ("link.py", "symbolic link"),
    ]
    assert [file.path for file in Walk(tmp_path / "a.py")] == ["a.py"]
    assert len(walk.names) == len(found) + 3


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("loop", "absent"):
        with pytest.raises(errors.InvalidInputError, match="PATH"):
            Plan(tmp_path / name, project_of(tmp_path / name)).walk()


def test_a_directory_that_cannot_be_entered_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.py").write_text("")
    scandir = os.scandir

    def refusing(path: Path | str) -> Any:
        # Tests may run as a user for whom no directory is closed.
        if Path(path).name == "closed":
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    walk = Walk(tmp_path)
    assert [file.path for file in walk] == ["a.py"]
    assert walk.skipped.entries == [("closed/", "unreadable directory")]


def test_globs_choose_among_files_as_gitignore_does(tmp_path: Path) -> None:
    for name in ("a.py", "b.ts", "src/c.py", "src/d.md", "tests/e.py", "src/tests/f.py", "build/g.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    chosen = Walk(tmp_path, include=["*.py", "/src/*.md"], exclude=["tests/", "/build"])
    assert [file.path for file in chosen] == ["a.py", "src/c.py", "src/d.md"]
    assert chosen.skipped.counts == {"not included": 1, "excluded directory": 3}
    again = Walk(tmp_path, exclude=["*.py", "!a.py"])
    assert [file.path for file in again] == ["a.py", "b.ts", "src/d.md"]
    assert again.skipped.counts == {"excluded": 4}
    for malformed in ("!", "[z-a]"):
        with pytest.raises(errors.InvalidInputError, match="--exclude"):
            Walk(tmp_path, exclude=[malformed])


def test_a_file_is_read_on_use(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    files = iter(Walk(tmp_path))
    assert next(files).text == "old"
    (tmp_path / "b").write_text("new")
    assert next(files).text == "new"


def test_a_record_is_appended_to_at_once(tmp_path: Path) -> None:
    plan = Plan(tmp_path, "p", record=tmp_path / "submitted.jsonl")
    for content_hash in ("a" * 64, "b" * 64):
        with plan.recording() as note:
            note("x", content_hash)
            assert content_hash in (tmp_path / "submitted.jsonl").read_text()
    lines = (tmp_path / "submitted.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"document_id": "x", "content_hash": "a" * 64},
        {"document_id": "x", "content_hash": "b" * 64},
    ]
    with (
        pytest.raises(errors.InvalidInputError, match="--record"),
        Plan(tmp_path, "p", record=tmp_path / "none" / "x").recording(),
    ):
        pass


def test_only_a_file_that_is_surely_not_there_is_gone(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a.py").write_text("")
    gone = ("b.py", "a.py/c.py", "none/d.py")
    kept = ("a.py", "dangling", "/nowhere/e.py", "../nowhere.py", "x" * 5000)
    assert [is_gone(tmp_path, path) for path in (*gone, *kept)] == [True] * 3 + [False] * 5


@pytest.mark.parametrize("seconds", [253402400000, -99999999999, 2**40, 2**33, -1, 0])
def test_no_time_of_a_file_ends_a_walk(seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("")
    stated = os.fstat

    def of_then(descriptor: int) -> os.stat_result:
        # Not every file system keeps such times.
        found = list(stated(descriptor))
        found[stat.ST_MTIME] = seconds
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", of_then)
    (file,) = Walk(tmp_path)
    date = datetime.fromtimestamp(seconds, UTC) if -62135596800 <= seconds < 253402300800 else None
    assert file.modified == date


def test_what_is_no_file_is_neither_read_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s.py"))
        walk = Walk(tmp_path)
        assert list(walk) == []
    assert walk.skipped.counts == {"not a regular file": 2, "symbolic link": 1}


def test_a_file_may_vanish_grow_or_become_something_else(tmp_path: Path) -> None:
    names = ("vanishes", "grows", "becomes-a-pipe", "becomes-a-link", "stays", "in/a-link")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    walk = Walk(tmp_path, max_bytes=1000)
    assert len(walk.names) == len(names)
    for name in ("vanishes", "becomes-a-pipe", "becomes-a-link"):
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / "becomes-a-pipe")
    (tmp_path / "becomes-a-link").symlink_to("/etc/hostname")
    (tmp_path / "grows").write_text("x" * 5000)
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    (tmp_path / "in").symlink_to(tmp_path / "elsewhere")
    assert [file.path for file in walk] == ["stays"]
    assert dict(walk.skipped.listed()) == {
        "vanishes": "not in the work tree",
        "grows": "too large",
        "becomes-a-pipe": "not a regular file",
        "becomes-a-link": "symbolic link",
        "in/a-link": "behind a symbolic link",
    }


def test_a_limit_without_end_takes_no_memory_ahead(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    assert [file.size for file in Walk(tmp_path, max_bytes=2**62)] == [1]


def test_names_that_are_not_unicode_are_named_and_left_out(tmp_path: Path) -> None:
    for name in (b"caf\xe9.py", b"new\nline.py", b"\xe2\x82\xac" * 80):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text("")
    walk = Walk(tmp_path)
    assert [file.path for file in walk] == ["new\nline.py", "€" * 80]
    assert json.dumps(list(walk.skipped.listed()), ensure_ascii=False).encode() == (
        b'[["caf\\\\xe9.py", "name is not UTF-8"]]'
    )


def test_the_products_own_data_is_no_source(tmp_path: Path) -> None:
    for name in (".archon/content/x", "sub/.archon/content/y", "a.archon/z"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    walk = Walk(tmp_path)
    assert [file.path for file in walk] == ["a.archon/z"]
    assert walk.skipped.counts == {"data of this product": 2}


@pytest.mark.slow
def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    """Nested deeper than Python's recursion limit, which also applies to functions that delete trees."""
    (tmp_path / "top.py").write_text("")
    deep = tmp_path / "/".join("d" * 1100)
    above = [tmp_path / "/".join("d" * depth) for depth in range(1, 1101)]
    try:
        for each in above:
            each.mkdir()
        (deep / "a.py").write_text("")
        found = [file.path for file in Walk(tmp_path, exclude=["*.md"])]
    finally:
        (deep / "a.py").unlink(missing_ok=True)
        for each in reversed(above):
            each.rmdir()
    assert found == ["top.py", "/".join("d" * 1100) + "/a.py"]
