"""The benchmark of the analysis, on a few sources."""

import json
from pathlib import Path

import pytest

from intelligence import benchmark


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"a{number}.py").write_text(f"def f{number}(): pass\n")
    (tmp_path / "b.go").write_text("package b\n\nfunc f() {}\n")
    (tmp_path / "c.txt").write_text("prose")
    (tmp_path / "empty.py").touch()
    return tmp_path


@pytest.mark.slow
def test_each_language_is_measured(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main([str(sources), "-o", "json"]) == 0
    rows = {row["language"]: row for row in json.loads(capsys.readouterr().out)}
    assert {language: row["files"] for language, row in rows.items()} == {"python": 3, "go": 1}
    assert all(row["megabytes_per_second"] > 0 < row["p50_ms"] <= row["p95_ms"] for row in rows.values())


@pytest.mark.slow
def test_all_are_measured_through_the_processes(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main([str(sources), "--workers", "1", "--files", "2"]) == 0
    printed = capsys.readouterr().out
    assert benchmark.PROCESSED in printed
    assert "python" in printed


def test_a_directory_without_sources_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main([str(tmp_path)]) == 1
    with pytest.raises(SystemExit) as raised:
        benchmark.main([str(tmp_path / "missing")])
    assert raised.value.code == 2
