"""In: a service of the stack of `enrich up`. Out: the service stopped, started or restarted, its log, or a
list of all."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from archon.cli.terminal.output import Format, FormatOption, exit_codes, out, print_json, status, table
from archon.contracts.errors import InvalidInputError, StackUnavailableError
from archon.devstack.control import Command, ServiceState, ask
from archon.devstack.process import ServerFailedError

HERE: Final = Path(".archon")
DataDir = Annotated[
    Path,
    typer.Option(envvar="ARCHON_DATA_DIR", help="Data directory of the stack; its `env` file sets it."),
]
Service = Annotated[str, typer.Argument(help="Its name, as listed by `enrich ps`.")]


def ps(data_dir: DataDir = HERE, output: FormatOption = Format.TABLE) -> None:
    """List the servers and services of the stack: state, process and log."""
    with exit_codes():
        services = asyncio.run(ask(data_dir, Command(verb="list"))).services
    if output is Format.JSON:
        print_json([each.model_dump(mode="json") for each in services])
        return
    columns = ("service", "state", "since", "restarts", "pid", "address", "log")
    rows = [
        (
            *(each.service, each.state, f"{each.since.astimezone():%Y-%m-%d %H:%M:%S}"),
            *(each.restarts, each.pid, each.address, each.log),
        )
        for each in services
    ]
    table("", columns, rows)


def stop(service: Service, data_dir: DataDir = HERE) -> None:
    """Stop a service and keep it stopped until `enrich start`."""
    _command("stop", service, data_dir)


def start(service: Service, data_dir: DataDir = HERE) -> None:
    """Start a service that is stopped or waits for its restart; returns when it serves."""
    _command("start", service, data_dir)


def restart(service: Service, data_dir: DataDir = HERE) -> None:
    """Stop a service and start it; returns when it serves."""
    _command("restart", service, data_dir)


def logs(
    service: Service,
    data_dir: DataDir = HERE,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of lines.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the log.")] = False,
) -> None:
    """Print the end of a service's log, even if the stack no longer runs."""
    with exit_codes():
        names = sorted(each.stem for each in (data_dir / "logs").glob("*.log"))
        if not names:
            raise StackUnavailableError(f"no stack has run on {data_dir}; `enrich up` starts one")
        name = _known(service, names)
        # Follows the name, not the descriptor, so that truncated or replaced files are followed too.
        options = ("-F",) if follow else ()
        log = str(data_dir / "logs" / f"{name}.log")
        os.execvp("tail", ["tail", "-n", str(lines), *options, log])  # noqa: S606  it takes Ctrl-C itself


def _command(verb: Literal["start", "stop", "restart"], service: str, data_dir: Path) -> None:
    with exit_codes():
        found = asyncio.run(_done(verb, service, data_dir))
    out.print(f"{found.service} is {found.state}")


async def _done(verb: Literal["start", "stop", "restart"], service: str, data_dir: Path) -> ServiceState:
    """The service afterwards. Raises InvalidInputError, StackUnavailableError, ServerFailedError."""
    listed = await ask(data_dir, Command(verb="list"))
    name = _known(service, [each.service for each in listed.services])
    with status(f"{verb} {name} ..."):
        answer = await ask(data_dir, Command(verb=verb, service=name))
    if answer.error is not None:
        raise ServerFailedError(answer.error)
    return next(each for each in answer.services if each.service == name)


def _known(service: str, names: Sequence[str]) -> str:
    if (name := service.lower()) not in names:
        raise InvalidInputError("SERVICE", f"there is no {service}; there are {', '.join(names)}")
    return name
