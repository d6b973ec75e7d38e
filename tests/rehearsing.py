"""In: the options of a rehearsal, and its work. Out: its parsed arguments, and its printed results."""

import argparse
import asyncio
import dataclasses
import logging
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, Final

from archon.cli.stack.up import until_interrupted
from archon.cli.terminal.output import print_json

INTERRUPTED: Final = 130


def parser(prog: str, description: str | None, names: Collection[str]) -> argparse.ArgumentParser:
    """A parser with the common arguments of rehearsals: `names`, directory, and output format."""
    made = argparse.ArgumentParser(prog=f"{prog} ARGS=...", description=description)
    made.add_argument("--only", default=",".join(names), help="comma-separated; default: %(default)s")
    made.add_argument("--data-dir", type=Path, help="keep the stack's data and logs there")
    made.add_argument("-o", "--output", choices=("table", "json"), default="table")
    return made


def parsed(made: argparse.ArgumentParser, given: list[str], names: Collection[str]) -> argparse.Namespace:
    """`only` becomes a list of names; exits for an unknown one."""
    found = made.parse_args(given)
    found.only = [name for each in found.only.split(",") if (name := each.strip()) and name != "none"]
    if unknown := set(found.only) - set(names):
        made.error(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return found


def printed(
    work: Coroutine[Any, Any, None], output: str, found: list[Any], show: Callable[[list[Any]], None]
) -> bool:
    """Runs the work, which fills `found`, and prints that; False if it was interrupted."""
    logging.getLogger().addHandler(logging.NullHandler())  # drivers complain about servers away on purpose
    if not asyncio.run(until_interrupted(work)):
        return False
    if output == "json":
        print_json([dataclasses.asdict(each) for each in found])
    else:
        show(found)
    return True
