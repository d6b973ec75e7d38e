"""In: what a rehearsal may be asked for, and its work. Out: its arguments, and what it found, in print."""

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
    """With what every rehearsal takes: which of `names`, where, and how to print."""
    made = argparse.ArgumentParser(prog=f"{prog} ARGS=...", description=description)
    made.add_argument("--only", default=",".join(names), help="comma-separated; default: %(default)s")
    made.add_argument("--data-dir", type=Path, help="keep the stack's data and logs there")
    made.add_argument("-o", "--output", choices=("table", "json"), default="table")
    return made


def parsed(made: argparse.ArgumentParser, given: list[str], names: Collection[str]) -> argparse.Namespace:
    """`only` becomes the list of those that are named; exits where there is no such one."""
    found = made.parse_args(given)
    found.only = [name for each in found.only.split(",") if (name := each.strip()) and name != "none"]
    if unknown := set(found.only) - set(names):
        made.error(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return found


def printed(
    work: Coroutine[Any, Any, None], output: str, found: list[Any], show: Callable[[list[Any]], None]
) -> bool:
    """Do the work, which fills `found`, and print that; False where it was interrupted."""
    logging.getLogger().addHandler(logging.NullHandler())  # drivers complain of what is away on purpose
    if not asyncio.run(until_interrupted(work)):
        return False
    if output == "json":
        print_json([dataclasses.asdict(each) for each in found])
    else:
        show(found)
    return True
