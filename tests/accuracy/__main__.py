"""In: directories of foreign sources. Out: recall and precision by language.

    make accuracy ARGS='~/src/some-project ~/src/another'

Without a directory it reads the standard library and installed packages. Exit code 1: a language is below
--least. rule.py defines what is compared.
"""

import argparse
import random
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from archon.contracts.identity import language_of
from intelligence.syntax.grammar import grammars
from tests.accuracy.references import REFERENCES, MissingError, Reference
from tests.accuracy.rule import Named, Tally, found

LARGEST = 1_000_000
WHATS = ("function", "class")


def main() -> int:
    options = _options()
    files = _files(options.directories, options.most)
    print(f"{'language':11} {'files':>6} {'what':9} {'number':>8} {'recall':>7} {'precision':>9}  reference")
    least = 1.0
    for language, reference in REFERENCES.items():
        if not (paths := files.get(language)):
            continue
        try:
            tallies = _compare(language, paths, reference)
        except MissingError as error:
            print(f"{language:11} skipped: {error}")
            continue
        least = min([least, *(min(tally.recall, tally.precision) for tally in tallies.values())])
        _show(language, tallies, reference.version(), options.wrong)
    return int(least < options.least)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="*", type=Path)
    parser.add_argument("--most", type=int, default=2000, help="files of each language, a stable sample")
    parser.add_argument("--wrong", type=int, default=0, help="show so many differences of each language")
    parser.add_argument("--least", type=float, default=0.98, help="the recall and precision that is enough")
    options = parser.parse_args()
    if not options.directories:
        options.directories = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]
    return options


def _files(directories: Sequence[Path], most: int) -> dict[str, list[str]]:
    """Paths by language; the same sample of the same directories each time."""
    by_language: dict[str, list[str]] = {}
    for path in sorted({path.absolute() for directory in directories for path in _below(directory)}):
        language = language_of(path.name)
        if language in REFERENCES:
            by_language.setdefault(language, []).append(str(path))
    return {
        language: sorted(random.Random(7).sample(paths, min(most, len(paths))))
        for language, paths in by_language.items()
    }


def _below(directory: Path) -> Iterator[Path]:
    for path in directory.expanduser().rglob("*"):
        if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size <= LARGEST:
            yield path


def _compare(language: str, paths: Sequence[str], reference: Reference) -> dict[str, Tally]:
    tallies = {what: Tally() for what in WHATS}
    for path, expected in reference.read(paths):
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if grammars()[language].language_of(text, language) != language:
            continue
        if (ours := found(text, language)) is None:
            continue
        macros = {each.line for each in expected if each.what == "macro"}
        ours = [each for each in ours if each.line not in macros]
        for what, tally in tallies.items():
            tally.add(path, _of(what, expected), _of(what, ours), within=reference.within)
    return tallies


def _of(what: str, named: list[Named]) -> list[Named]:
    return [each for each in named if each.what == what]


def _show(language: str, tallies: dict[str, Tally], version: str, wrong: int) -> None:
    for what, tally in tallies.items():
        shares = f"{tally.recall:7.4f} {tally.precision:9.4f}"
        print(f"{language:11} {tally.files:6} {what:9} {tally.expected:8} {shares}  {version}")
        for line in tally.wrong[:wrong]:
            print(f"    {line}")


if __name__ == "__main__":
    raise SystemExit(main())
