"""In: the result of a verb. Out: a table or JSON on stdout, everything else on stderr, and exit codes."""

import contextlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from archon.cli.terminal.columns import lines
from archon.contracts.errors import (
    ArchonError,
    ConfigurationError,
    IntelligenceUnavailableError,
    InvalidInputError,
    NotFoundError,
    PublishError,
    StackUnavailableError,
    StoreUnavailableError,
    TopicUnavailableError,
    WorkflowUnavailableError,
)
from archon.contracts.types import ProjectName
from archon.runtime.reasons import wrong

_PIPED_WIDTH: Final = 160
_PROJECT_NAME: Final = TypeAdapter[str](ProjectName)
out: Final = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    UNHEALTHY = 10
    TIMEOUT = 124


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--output", "-o", help="How to print: a table for people, json for programs.")
]

_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST_DAYS: Final = 36_500
_PROBLEM: Final = re.compile(r'\{.*?"detail" *: *"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*).*', re.DOTALL)
"""An RFC 9457 problem, possibly truncated."""
_UNUSUAL: Final = re.compile(r"[^\n\x20-\x7e]")
_CODES: Final[Mapping[type[Exception], Exit]] = {
    InvalidInputError: Exit.USAGE,
    ConfigurationError: Exit.USAGE,
    NotFoundError: Exit.NOT_FOUND,
    StoreUnavailableError: Exit.UNREACHABLE,
    PublishError: Exit.UNREACHABLE,
    StackUnavailableError: Exit.UNREACHABLE,
    TopicUnavailableError: Exit.UNREACHABLE,
    IntelligenceUnavailableError: Exit.UNREACHABLE,
    WorkflowUnavailableError: Exit.UNREACHABLE,
    TimeoutError: Exit.TIMEOUT,
    ArchonError: Exit.FAILED,
    OSError: Exit.FAILED,
}


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Prints an error on one line of stderr and exits with its code."""
    try:
        yield
    except BrokenPipeError as error:
        # The reader has closed the pipe; nothing must be flushed into it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.FAILED) from error
    except (ArchonError, OSError) as error:
        code = next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)
        print_error(error)
        raise typer.Exit(code) from error


def print_error(error: Exception) -> None:
    """One error in one line on stderr."""
    err.print(f"[red]error:[/red] {escape(' '.join(str(error).split()))}")


def a_project(name: str | None) -> str | None:
    """A validated project name. Raises typer.BadParameter, which names the option."""
    if name is None:
        return None
    try:
        return _PROJECT_NAME.validate_python(name)
    except ValidationError as error:
        raise typer.BadParameter(wrong(error.errors()[0])) from error


def duration(field: str, text: str) -> timedelta:
    """A duration such as 500ms, 90s, 15m, 2h or 3d. Raises InvalidInputError, which names `field`."""
    found = re.fullmatch(r"(\d{1,12})(ms|[smhd])", text.strip())
    length = int(found[1]) * (_UNITS[found[2]] / timedelta(days=1)) if found else math.inf
    if length > _LONGEST_DAYS:
        raise InvalidInputError(field, f"{text!r} is not a duration such as 90s, 15m, 2h or 3d")
    return timedelta(days=length)


def note_workflows(url: str | None) -> None:
    """Prints the link to the runs of a table's rows in the Web UI."""
    if url is not None:
        err.print(f"Their runs: {url}", soft_wrap=True, highlight=False, markup=False)


def print_json(value: BaseModel | Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON value on stdout."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    print(json_text(plain, indent=2))


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON in which characters that control a terminal, or the direction of its text, are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    return _UNUSUAL.sub(_escaped, text)


def _escaped(unusual: re.Match[str]) -> str:
    return unusual[0] if unusual[0].isprintable() else json.dumps(unusual[0])[1:-1]


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """Progress bars on stderr, each with a field `note`; disabled if stderr is not a terminal."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        yield progress


@contextlib.contextmanager
def status(what: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr during the block; a plain line if stderr is not a terminal. Yields the function
    that replaces the text (without a terminal, at intervals)."""
    if not err.is_terminal:
        err.print(what)
        yield now_and_then(lambda words: err.print(words, markup=False))
        return
    with err.status(what) as spinner:
        yield lambda words: spinner.update(escape(words))


def now_and_then(show: Callable[[str], None], seconds: float = 10.0) -> Callable[[str], None]:
    """Calls `show` at most once in `seconds`, and not before they have passed for the first time."""
    last = time.monotonic()

    def shown(words: str) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            show(words)

    return shown


def counted(number: int, one: str, several: str | None = None) -> str:
    """`1 document`, `2 documents`; `several` is the plural if it is not `one` with an s."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"


def printable(text: str) -> str:
    """Text with control characters escaped: they would control the terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def sentence(reason: str) -> str:
    """A reason on one line. A quoted JSON problem is replaced by its detail."""
    if found := _PROBLEM.search(reason):
        reason = reason[: found.start()] + json.loads(f'"{found[1]}"', strict=False)
    return " ".join(reason.split())


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout, one line per row; without column names, one name and value per line."""
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    if not any(columns):
        _print_values(title, cells)
        return
    if title:
        out.print(f"[italic]{escape(title)}[/italic]")
    # One line per row: a terminal shows what fits, a pipe or file gets the full text.
    head, *body = lines([columns, *cells], width())
    out.print(f"[bold]{escape(head)}[/bold]")
    for line in body:
        out.print(escape(line))


def width() -> int | None:
    """Width of the terminal; None if stdout is not a terminal."""
    return out.width if out.is_terminal else None


def _print_values(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Values are not wrapped: a URL that the terminal wraps itself can still be clicked and copied."""
    if title:
        out.print(f"[italic]{escape(title)}[/italic]")
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        out.print(escape(f"{name:<{width}}  {value}".rstrip()))
