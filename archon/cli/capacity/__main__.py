"""In: optionally a new load test report. Out: measured.json, and the tables in docs/*.md.

`make scale ARGS=run.json` takes processor times and history from the report, and everything else from a small
stack that it starts. Without a report, it only renders the pages.
"""

import argparse
import asyncio
import subprocess
from pathlib import Path
from typing import Final

from archon.cli.bench.measured.report import read
from archon.cli.capacity.measured import FILE, Measured
from archon.cli.capacity.page import filled

_DOCUMENTS: Final = 100
"""Enough for costs that do not depend on the load."""
_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make scale")
    parser.add_argument("report", nargs="?", type=Path, help="of `enrich bench --report`")
    parser.add_argument("--commit", help="what the report measured; default: the current commit")
    parser.add_argument(
        "--documents", type=int, default=_DOCUMENTS, help="documents for the small stack; 0: do not start it"
    )
    given = parser.parse_args()
    measured = Measured.shipped()
    if given.report is not None:
        measured = measured.costs_of(read(given.report), given.commit or _commit())
        measured = asyncio.run(_counted(measured, given.documents)) if given.documents else measured
        (_HERE / FILE).write_text(measured.model_dump_json(indent=2) + "\n")
    for page in sorted((_ROOT / "docs").glob("*.md")):
        text = page.read_text()
        if (made := filled(text, measured)) != text:
            page.write_text(made)


async def _counted(measured: Measured, documents: int) -> Measured:
    from archon.cli.capacity.counting import stored  # noqa: PLC0415

    return measured.model_copy(update={"stored": await stored(documents, measured.size)})


def _commit() -> str:
    command = ["git", "log", "-1", "--format=%h"]
    return subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
