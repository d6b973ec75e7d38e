"""In: a question and a project. Out: the bridge's answer, and hints on stderr: what it lacks, and what to do
next."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TypeVar

from pydantic import BaseModel
from rich.markup import escape

from archon.cli.files import checkouts
from archon.cli.ingest.plan import project_of
from archon.cli.terminal.output import Format, counted, err, exit_codes, out, print_json, printable
from archon.clients.bridge import BridgeApi, Parameter
from archon.contracts.code.answers import Answer
from archon.contracts.errors import NotFoundError
from archon.runtime.settings import Settings

Found = TypeVar("Found", bound=Answer)


def top(given: Path | None = None) -> Path:
    """The directory that was ingested, as far as one can say: the checkout around the current directory."""
    if given is not None:
        return given
    here = Path.cwd()
    return checkouts.top_of(here) or here


def ask(
    project: str | None,
    question: str,
    answer: type[Found],
    *,
    body: BaseModel | None = None,
    **parameters: Parameter,
) -> Found:
    """Exits with 4 if the project has no such symbol or file, and with other codes of `exit_codes`."""
    name = project or project_of(top())

    async def run() -> Found:
        async with BridgeApi.connect(Settings.load()) as api:
            try:
                given = {} if body is not None else {"project": name}
                return await api.graph(question, answer, body, **given, **parameters)
            except NotFoundError:
                if not (await api.statistics(name)).documents:
                    _no_documents(name)
                raise

    with exit_codes():
        return asyncio.run(run())


def tell(found: Answer, output: Format, show: Callable[[], None], *, empty: bool = False) -> None:
    """`show` prints the answer for people; `empty`: nothing was found."""
    if output is Format.JSON:
        print_json(found)
        return
    show()
    if empty:
        out.print("nothing found")
    hints(found, empty=empty)


def hints(found: Answer, *, empty: bool = False) -> None:
    """On stderr, so that the answer alone can be piped."""
    freshness = found.freshness
    if empty and not freshness.documents:
        _no_documents(found.project_name)
    if freshness.waiting:
        who = counted(freshness.waiting, "document waits", "documents wait")
        err.print(f"[yellow]{who} for analysis:[/yellow] the answer is from their former content.")
    if freshness.unanalysed:
        who = counted(freshness.unanalysed, "document is", "documents are")
        err.print(
            f"[yellow]{who} not analysed yet,[/yellow] so the answer may lack something:"
            f" enrich status -p {_shell(found.project_name)}"
        )
    if found.next is not None:
        err.print(f"[yellow]The answer was cut off.[/yellow] More: --limit, or --after {_shell(found.next)}")
    elif not found.complete:
        err.print("[yellow]The answer was cut off.[/yellow] A smaller --depth or a longer name is complete.")


def _no_documents(project: str) -> None:
    err.print(
        f"Project {escape(printable(project))} has no documents: enrich ingest PATH -p {_shell(project)};"
        " -p names another project."
    )


def _shell(text: str) -> str:
    return escape(quote(printable(text)))
