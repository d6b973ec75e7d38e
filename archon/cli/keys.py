"""In: projects and an access. Out: API keys in the bridge's keys file: made, listed, revoked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from archon.cli.terminal.output import Format, FormatOption, duration, err, exit_codes, out, print_json, table
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.api_keys import Access, ApiKey, mint
from archon.runtime.http import api_keys
from archon.runtime.reasons import wrong
from archon.runtime.settings import Settings

app = typer.Typer(no_args_is_help=True, help="API keys: who may read and write which projects.")

File = Annotated[Path | None, typer.Option(help="The keys file; API_KEYS_FILE if not given.")]
Project = Annotated[
    list[str], typer.Option("--project", "-p", help="A project, once for each of several; '*' is every one.")
]


@app.command()
def create(
    project: Project,
    access: Annotated[Access, typer.Option(help="write includes read.")] = Access.READ,
    expires: Annotated[str | None, typer.Option(help="In how long: 12h, 90d. Never, if not given.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Requests a second; API_KEY_RATE.")] = None,
    file: File = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make a key and print it, this once: the file keeps its hash. A running bridge knows it at once."""
    with exit_codes():
        path, now = _path(file), datetime.now(UTC)
        key_id, shown, sha256 = mint()
        until = None if expires is None else now + duration("--expires", expires)
        try:
            key = ApiKey(
                id=key_id,
                sha256=sha256,
                projects="*" if "*" in project else project,
                access=access,
                created_at=now,
                expires_at=until,
                rate=rate,
            )
        except ValidationError as error:
            raise InvalidInputError("--project", wrong(error.errors()[0])) from error
        api_keys.add(path, key)
        if output is Format.JSON:
            print_json({**_told(key), "key": shown})
        else:
            out.print(shown)
            err.print(f"{_line(key)}; in {path}. It is not shown again.")


@app.command("list")
def list_keys(file: File = None, output: FormatOption = Format.TABLE) -> None:
    """List the keys, without their secrets, which nobody keeps."""
    with exit_codes():
        keys = api_keys.read(_path(file)).keys
        if output is Format.JSON:
            print_json([_told(key) for key in keys])
            return
        columns = ("id", "projects", "access", "rate", "created", "expires")
        cells = [
            (key.id, _projects(key), key.access, key.rate, f"{key.created_at:%Y-%m-%d}", _expiry(key))
            for key in keys
        ]
        table("", columns, cells)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")], file: File = None
) -> None:
    """Take a key out of the file; a running bridge refuses it at once."""
    with exit_codes():
        api_keys.revoke(_path(file), key_id)
        err.print(f"revoked {key_id}")


def _path(file: Path | None) -> Path:
    if file is None and not (named := Settings.load().api_keys_file):
        raise InvalidInputError("--file", "needed where API_KEYS_FILE is not set")
    return file or Path(named)


def _told(key: ApiKey) -> dict[str, object]:
    told: dict[str, object] = key.model_dump(mode="json", exclude={"sha256"})
    return told | {"expired": key.expired(datetime.now(UTC))}


def _projects(key: ApiKey) -> str:
    return key.projects if isinstance(key.projects, str) else ", ".join(key.projects)


def _expiry(key: ApiKey) -> str:
    if key.expires_at is None:
        return "never"
    return f"{key.expires_at:%Y-%m-%d %H:%M}" + (" (expired)" if key.expired(datetime.now(UTC)) else "")


def _line(key: ApiKey) -> str:
    return f"key {key.id}: {key.access} {_projects(key)}, expires {_expiry(key)}"
