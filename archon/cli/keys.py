"""In: projects and access. Out: API keys in the bridge's keys file: created, listed, revoked."""

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

app = typer.Typer(no_args_is_help=True, help="API keys: access to projects.")

File = Annotated[Path | None, typer.Option(help="The keys file; default: API_KEYS_FILE.")]
Project = Annotated[
    list[str], typer.Option("--project", "-p", help="A project; repeat for several; '*' means all.")
]


@app.command()
def create(
    project: Project,
    access: Annotated[Access, typer.Option(help="write includes read.")] = Access.READ,
    expires: Annotated[str | None, typer.Option(help="Lifetime: 12h, 90d. Default: unlimited.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Requests per second; default: API_KEY_RATE.")
    ] = None,
    file: File = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Create a key and print it once: the file only keeps its hash. A running bridge accepts it at once."""
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
    """List the keys, without their secrets, which are not stored."""
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
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As shown by `list`.")], file: File = None
) -> None:
    """Remove a key from the file; a running bridge refuses it at once."""
    with exit_codes():
        api_keys.revoke(_path(file), key_id)
        err.print(f"revoked {key_id}")


def _path(file: Path | None) -> Path:
    if file is None and not (named := Settings.load().api_keys_file):
        raise InvalidInputError("--file", "needed where API_KEYS_FILE is not set")
    return file or Path(named)


def _told(key: ApiKey) -> dict[str, object]:
    shown: dict[str, object] = key.model_dump(mode="json", exclude={"sha256"})
    return shown | {"expired": key.expired(datetime.now(UTC))}


def _projects(key: ApiKey) -> str:
    return key.projects if isinstance(key.projects, str) else ", ".join(key.projects)


def _expiry(key: ApiKey) -> str:
    if key.expires_at is None:
        return "never"
    return f"{key.expires_at:%Y-%m-%d %H:%M}" + (" (expired)" if key.expired(datetime.now(UTC)) else "")


def _line(key: ApiKey) -> str:
    return f"key {key.id}: {key.access} {_projects(key)}, expires {_expiry(key)}"
