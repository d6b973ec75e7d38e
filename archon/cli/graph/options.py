"""Out: the arguments and options that several questions have."""

from typing import Annotated, Final

import typer

from archon.cli.terminal.output import a_project

DEEPEST: Final = 10
MOST: Final = 1000

Name = Annotated[
    str,
    typer.Argument(help="A name, the end of a dotted name, or path/to/file.py:Name.", show_default=False),
]
MaybeName = Annotated[
    str | None, typer.Argument(help="A name, as for `callers`; or --file.", show_default=False)
]
Project = Annotated[
    str | None,
    typer.Option(
        *("--project-name", "--project", "-p"),
        callback=a_project,
        help="Default: the name of the checkout's directory, as for `enrich ingest`.",
        show_default=False,
    ),
]
File = Annotated[
    str | None, typer.Option("--file", "-f", help="A file of the project, by its path.", show_default=False)
]
Depth = Annotated[int, typer.Option("--depth", "-d", min=1, max=DEEPEST, help="Maximum number of steps.")]
Limit = Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of entries.")]
Least = Annotated[
    float | None,
    typer.Option(
        "--min-confidence", min=0, max=1, help="Leave out less certain relations.", show_default=False
    ),
]
After = Annotated[str | None, typer.Option(help="Continue an answer that was cut off.", show_default=False)]
