"""Tables, reasons and unexpected errors, as people read them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len

from archon.cli import crashes
from archon.cli.ingest import report
from archon.cli.terminal import columns, output
from archon.contracts.views import Statistics


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_row_is_one_line_of_a_terminal_and_its_name_is_whole(width: int) -> None:
    name = "0b6f8d4e-6c1b-5a58-9c5a-1f"
    rows = [["key", "file", "reason"], [name, "src/" * 40 + "漢字.py", "漢字 " * 500], ["k", "", "short"]]
    found = columns.lines(rows, width)
    assert len(found) == 3
    assert all(cell_len(line) <= width for line in found)
    assert found[1].startswith(name)
    assert found[1].endswith("…")


def test_an_overlong_name_is_cut_last() -> None:
    (line,) = columns.lines([["k" * 500, "f" * 500, "r" * 500]], 120)
    assert len(line) == 120
    assert line.count("…") == 3


def test_what_is_piped_is_whole() -> None:
    assert columns.lines([["a" * 500, "b" * 500], ["c", "d"]], None) == [
        "a" * 500 + "  " + "b" * 500,
        "c" + " " * 501 + "d",
    ]


def test_a_table_is_one_line_a_row_whatever_is_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = output.Console(
        highlight=False, soft_wrap=True, width=120, force_terminal=True, color_system=None
    )
    monkeypatch.setattr(output, "out", console)
    poison = 'key\nwith "lines" [red] and \x1b[2J' * 20
    output.table("", ("key", "file", "reason"), [(poison, None, "x" * 500), ("t:0:1", "a.py", "no")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 120 for line in lines)


def test_the_singular_and_the_plural_differ(capsys: pytest.CaptureFixture[str]) -> None:
    assert [output.counted(number, "document") for number in range(3)] == [
        "0 documents",
        "1 document",
        "2 documents",
    ]
    assert output.counted(1, "run waits", "runs wait") == "1 run waits"
    nothing = Statistics(
        documents=0, statuses={}, entities=0, mean_quality=None, languages={}, anti_patterns={}, parked=0
    )
    report.print_statistics(nothing)
    assert "Documents" in (shown := capsys.readouterr().out)
    assert "()" not in shown


def test_a_projects_name_that_is_none_is_refused_in_words() -> None:
    for name, problem in ((" ", "is empty or blank"), ("a\0", "has a NUL at character 1")):
        with pytest.raises(typer.BadParameter) as raised:
            output.a_project(name)
        assert raised.value.message == problem


def test_a_reason_is_a_sentence() -> None:
    problem = {
        "type": "about:blank",
        "title": "Invalid input",
        "status": 422,
        "detail": 'source_path: "x"\nis needed',
    }
    reason = f"value: the bridge refused it with HTTP 422: {json.dumps(problem)}"
    sentence = 'value: the bridge refused it with HTTP 422: source_path: "x" is needed'
    assert output.sentence(reason) == sentence
    for length in range(len(reason)):  # as in a truncated answer
        assert "\n" not in output.sentence(reason[:length])
    assert output.sentence("no {braces} of\nJSON") == "no {braces} of JSON"


def crashed(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with an unexpected error."""
    code = "from archon.cli import keys, main; keys.Settings = None; main.main()"
    return subprocess.run(
        [sys.executable, "-c", code, "keys", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), **environment},
    )


@pytest.mark.slow
def test_an_unexpected_error_is_one_line_and_a_file(tmp_path: Path) -> None:
    finished = crashed(tmp_path)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: AttributeError: ")
    (file,) = (tmp_path / "archon-enrichment").iterdir()
    assert str(file) in line
    assert "Traceback" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_traceback_is_shown_on_request(tmp_path: Path) -> None:
    finished = crashed(tmp_path, **{crashes.DEBUG: "1"})
    assert finished.returncode == 1
    assert "Traceback" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_crash_is_reported_even_if_no_file_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(crashes, "_directories", lambda: [tmp_path / "file" / "below"])
    assert crashes.message_of(KeyError("x")) == "error: KeyError: 'x' (ENRICH_DEBUG=1 shows where)"
