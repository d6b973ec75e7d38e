"""A document whose file was renamed continues under its id."""

from datetime import UTC, datetime
from pathlib import Path

from archon.cli.ingest.known import Known, Place
from archon.cli.ingest.renames import matched
from archon.contracts import identity
from archon.contracts.types import EnrichmentStatus
from archon.contracts.views import DocumentRow

A, B = bytes(32), bytes([1]) * 32


def own(path: str) -> str:
    return identity.document_id("p", None, path)[0]


def row(path: str, document_id: str | None = None, original: str | None = None) -> DocumentRow:
    return DocumentRow(
        document_id=document_id or own(path),
        project_name="p",
        file_path=path,
        version=1,
        content_hash=A.hex(),
        enrichment_status=EnrichmentStatus.COMPLETED,
        indexed_at=datetime.now(UTC),
        original_path=original,
    )


def project(root: Path, *rows: DocumentRow) -> Known:
    found = Known("p")
    for each in rows:
        found.add(each, root)
    return found


def test_git_goes_before_the_content_and_each_path_is_in_one_pair() -> None:
    seen = {"core.py": "base.py", "unknown.py": "x.py", "there.py": "not-gone.py", "b.md": "b.py"}
    new = {"core.py": B, "copy.py": A, "there.py": B, "b.md": B, "second.py": A}
    gone = {"base.py": A, "old/copy.py": A, "b.py": A}
    assert dict(matched(new, gone, seen)) == {
        "core.py": "base.py",
        "copy.py": "old/copy.py",
        "second.py": "b.py",
    }


def test_neither_an_empty_file_nor_one_in_another_language_is_the_same() -> None:
    assert list(matched({"x/__init__.py": None}, {"y/__init__.py": A}, {})) == []
    assert list(matched({"e2.py": None}, {"e1.py": A}, {"e2.py": "e1.py"})) == []
    assert list(matched({"a.md": A}, {"a.py": A}, {"a.md": "a.py"})) == []


def test_a_renamed_document_keeps_its_id_and_remembers_its_first_path(tmp_path: Path) -> None:
    before = project(tmp_path, row("base.py"))
    assert set(before.gone) == {"base.py"}
    assert not before.has("core.py")
    before.rename("base.py", "core.py")
    assert before.place("core.py") == Place(own("base.py"), "base.py", "base.py")
    assert not before.gone


def test_a_second_rename_and_the_way_back_keep_it_too(tmp_path: Path) -> None:
    before = project(tmp_path, row("core.py", own("base.py"), "base.py"))
    before.rename("core.py", "last.py")
    assert before.place("last.py") == Place(own("base.py"), "base.py", "core.py")
    before = project(tmp_path, row("core.py", own("base.py"), "base.py"))
    before.rename("core.py", "base.py")
    assert before.place("base.py") == Place(own("base.py"), None, "core.py")


def test_a_new_file_at_the_old_path_is_another_document(tmp_path: Path) -> None:
    (tmp_path / "core.py").write_text("")
    before = project(tmp_path, row("core.py", own("base.py"), "base.py"))
    assert (before.has("core.py"), before.has("base.py"), before.gone) == (True, False, {})
    assert before.place("core.py").document_id == own("base.py")
    place = before.place("base.py")
    assert place.document_id != own("base.py")
    again = project(
        tmp_path,
        row("core.py", own("base.py"), "base.py"),
        row("base.py", place.document_id, place.original),
    )
    assert again.has("base.py")
    assert again.place("base.py") == place
    assert set(again.gone) == {"base.py"}


def test_a_clients_own_document_is_neither_gone_nor_taken_over(tmp_path: Path) -> None:
    other = "00000000-0000-4000-8000-000000000000"
    before = project(tmp_path, row("a.py", other))
    assert before.gone == {}
    assert not before.has("a.py")
    assert before.place("a.py") == Place(own("a.py"))
