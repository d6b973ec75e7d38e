"""In: a commit of this repository. Out: its files with their own virtual environment, ready to run.

They stay in `.venv/compare/`, so the next comparison with the same commit starts at once.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import archon
from archon.contracts.errors import ArchonError, InvalidInputError

ROOT: Final = Path(archon.__file__).parents[1]
"""Root of the running files."""


class CheckoutError(ArchonError):
    """The files of a commit could not be extracted or set up."""


@dataclass(frozen=True)
class Checkout:
    """`label`: a readable name of the commit; `python`: runs its code if started in `directory`."""

    label: str
    directory: Path
    python: Path


async def head(root: Path = ROOT) -> Checkout:
    """The work tree in its current state. Raises CheckoutError outside a repository."""
    commit = await _git(root, "log", "-1", "--format=%h %s")
    changed = (await _git(root, "status", "--porcelain")).splitlines()
    uncommitted = f", with {len(changed)} uncommitted files" if changed else ""
    return Checkout(f"work tree at {commit}{uncommitted}", root, Path(sys.executable))


async def commit(name: str, root: Path = ROOT) -> Checkout:
    """Raises InvalidInputError for an unknown commit, CheckoutError with the log of a failed set-up."""
    try:
        full = await _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except CheckoutError as error:
        await _git(root, "rev-parse", "--git-dir")
        raise InvalidInputError("base", f"{name!r} is not a commit of {root}") from error
    directory = root / ".venv" / "compare" / full[:12]
    if not directory.exists():
        await _extract(root, full, directory)
    # Make decides whether anything is left to do.
    log = directory.with_suffix(".log")
    await _make(directory, log)
    label = await _git(root, "log", "-1", "--format=%h %s", full)
    return Checkout(label, directory, directory / ".venv" / "bin" / "python")


async def _extract(root: Path, commit: str, directory: Path) -> None:
    """The result is complete or absent."""
    unfinished = directory.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    archive = unfinished / "archive.tar"
    await _git(root, "archive", f"--output={archive}", commit)
    shutil.unpack_archive(archive, unfinished, filter="data")
    archive.unlink()
    unfinished.rename(directory)


async def _git(root: Path, *arguments: str) -> str:
    """The output of git. Raises CheckoutError with its last line."""
    process = await asyncio.create_subprocess_exec(
        "git", "-C", str(root), *arguments, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    printed = (await process.communicate())[0].decode(errors="replace").strip()
    if process.returncode:
        raise CheckoutError(f"git {arguments[0]}: {printed.splitlines()[-1] if printed else 'failed'}")
    return printed


async def _make(directory: Path, log: Path) -> None:
    """Runs the set-up of the commit's own Makefile; an interruption also ends the processes that it
    started."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *("make", ".venv/.ready", f"PYTHON={sys.executable}"),
            cwd=directory,
            stdin=DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if code:
        raise CheckoutError(f"{directory} could not be set up; the log is {log}")
