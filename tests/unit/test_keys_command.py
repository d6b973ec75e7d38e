"""`enrich keys`: its output, and the contents of the file."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archon.cli.main import app
from archon.contracts.operations.api_keys import Access, agrees
from archon.runtime.http import api_keys


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def keys(*arguments: str, file: Path | None) -> Result:
    given = ("--file", str(file)) if file else ()
    return CliRunner().invoke(app, ["keys", *arguments, *given])


def test_a_key_is_printed_alone_and_its_hash_is_kept(file: Path) -> None:
    made = keys("create", "-p", "a", "-p", "b", "--access", "write", "--expires", "90d", file=file)
    assert made.exit_code == 0, made.output
    shown = made.stdout.strip()
    (kept,) = api_keys.read(file).keys
    assert agrees(shown, kept)
    assert (kept.projects, kept.access) == (["a", "b"], Access.WRITE)
    assert kept.expires_at is not None
    assert (kept.expires_at - kept.created_at).days == 90
    assert shown.rpartition("_")[2] not in file.read_text() + keys("list", file=file).output


def test_listed_and_revoked(file: Path) -> None:
    made = json.loads(keys("create", "-p", "*", "--rate", "5", "-o", "json", file=file).stdout)
    (listed,) = json.loads(keys("list", "-o", "json", file=file).stdout)
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert (listed["projects"], listed["access"], listed["rate"]) == ("*", "read", 5)
    assert keys("revoke", made["id"], file=file).exit_code == 0
    assert json.loads(keys("list", "-o", "json", file=file).stdout) == []
    assert keys("revoke", made["id"], file=file).exit_code == 4


@pytest.mark.parametrize(
    "arguments", [("create",), ("create", "-p", " "), ("create", "-p", "a", "--expires", "soon")]
)
def test_a_refused_key_creates_no_file(file: Path, arguments: tuple[str, ...]) -> None:
    assert keys(*arguments, file=file).exit_code == 2
    assert not file.exists()


def test_without_a_file_the_command_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEYS_FILE", raising=False)
    finished = keys("list", file=None)
    assert finished.exit_code == 2
    assert "API_KEYS_FILE" in finished.output


def test_a_broken_file_is_left_alone(file: Path) -> None:
    file.write_text("{")
    assert keys("create", "-p", "a", file=file).exit_code == 2
    assert file.read_text() == "{"
