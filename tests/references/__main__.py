"""In: libraries. Out: precision and recall of resolved references, compared with precise indexers.

    make references ARGS='httpx zod --wrong 5'

Without a library it takes all; of held-out ones it then shows totals alone. Exit code 1: in the libraries of
a language, certain references are less precise than --precise, or recall is below --recall. rule.py defines
what is compared.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tests.references.libraries import LIBRARIES, TOOLS, IndexerError, Library, indexed
from tests.references.ours import resolved
from tests.references.precise import known
from tests.references.rule import Score, Share, Wrong, score

KINDS: Final = ("call", "new", "inherit", "decorate", "annotate", "use")
_GROUPS: Final = ("within", "across", "to function", "to type", "to value")


def main() -> int:
    options = _options()
    if not (TOOLS / "node_modules").is_dir():
        sys.exit("no indexer: make references installs it")
    libraries = [each for each in LIBRARIES if not options.libraries or each.name in options.libraries]
    scores: dict[Library, Score] = {}
    for library in libraries:
        try:
            of = indexed(library)
        except IndexerError as error:
            print(f"{library.name}: {error}", file=sys.stderr)
            return 1
        scores[library] = score(known(of), resolved(of.sources))
    shown = [each for each in libraries if options.libraries or not each.held_out]
    if options.output == "json":
        print(json.dumps(_as_json(scores, shown, options.wrong), indent=2))
    else:
        _print_libraries(scores)
        _print_groups({each: scores[each] for each in shown})
        for library in shown:
            _print_wrong(library, scores[library], options.wrong)
    return int(not is_enough(scores, options.precise, options.recall))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.references", description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="*", help=", ".join(each.name for each in LIBRARIES))
    parser.add_argument(
        "--wrong", type=int, default=0, help="show so many wrong and missed of each kind and library"
    )
    parser.add_argument(
        "--precise", type=float, default=0.95, help="the precision of certain ones that is enough"
    )
    parser.add_argument("--recall", type=float, default=0.75, help="the recall that is enough")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table")
    options = parser.parse_args()
    if unknown := set(options.libraries) - {each.name for each in LIBRARIES}:
        parser.error(f"no such library: {', '.join(sorted(unknown))}")
    return options


def _sum(scores: Iterable[Score]) -> Score:
    whole = Score()
    for each in scores:
        whole.add(each)
    return whole


def _totals(scores: dict[Library, Score]) -> dict[tuple[str, bool], Score]:
    """By language and whether held out."""
    kinds = dict.fromkeys((each.language, each.held_out) for each in scores)
    return {
        kind: _sum(score for each, score in scores.items() if (each.language, each.held_out) == kind)
        for kind in kinds
    }


def is_enough(scores: dict[Library, Score], precise: float, recall: float) -> bool:
    """Whether this holds in the libraries of each language, held out or not."""
    return all(
        (total.precision["certain"].value or 0.0) >= precise and (total.recall["all"].value or 0.0) >= recall
        for total in _totals(scores).values()
    )


def _print_libraries(scores: dict[Library, Score]) -> None:
    print(
        f"{'':30}{'certain':>9}{'precise':>9}{'resolved':>10}{'precise':>9}{'unknown':>9}{'known':>9}{'recall':>8}"
    )
    for library, each in scores.items():
        _print_score(library.name, each)
    for (language, held_out), total in _totals(scores).items():
        _print_score(f"{language}, {'held out' if held_out else 'tuned on'}", total)


def _print_score(name: str, of: Score) -> None:
    certain, every, recall = of.precision["certain"], of.precision["all"], of.recall["all"]
    print(
        f"{name:30}{certain.number:>9}{_figure(certain):>9}{every.number:>10}{_figure(every):>9}"
        f"{of.unknown:>9}{recall.number:>9}{_figure(recall):>8}"
    )


def _print_groups(scores: dict[Library, Score]) -> None:
    for (language, _), of in _totals(scores).items():
        print(f"\n{language:20}{'resolved':>10}{'precise':>9}{'known':>9}{'recall':>8}")
        hows = sorted(group for group in of.precision if group.startswith("how "))
        for group in (*KINDS, *hows, "certain", "uncertain", *_GROUPS, "key"):
            precise, recall = of.precision[group], of.recall[group]
            if precise.number or recall.number:
                number, known_ = precise.number or "", recall.number or ""
                print(f"{group:20}{number:>10}{_figure(precise):>9}{known_:>9}{_figure(recall):>8}")


def _figure(share: Share) -> str:
    return "" if share.value is None else f"{share.value:.3f}"


def _print_wrong(library: Library, of: Score, most: int) -> None:
    for kind in KINDS:
        wrong = [each for each in of.wrong if each.found is not None and each.found.kind == kind]
        missed = [each for each in of.missed if each.known is not None and each.known.kind == kind]
        for title, examples in (("wrong", wrong), ("missed", missed)):
            for each in _spread(examples, most):
                print(f"{title:7}{kind:9}{library.name} {_described(each)}")


def _spread(examples: Sequence[Wrong], most: int) -> Sequence[Wrong]:
    """Some of them, from all parts."""
    return examples[:: max(1, len(examples) // most)][:most] if most else []


def _described(wrong: Wrong) -> str:
    found, there = wrong.found, wrong.known
    at = found or there
    assert at is not None
    known_ = (
        sorted(f"{each.path}:{each.line} {each.name}" for each in there.targets) if there is not None else []
    )
    text = f"{at.path}:{at.line} {at.name} is {', '.join(known_[:2]) or 'elsewhere'}"
    if found is not None:
        ours = f"{found.target_path}:{found.target_line} {found.target_name}"
        text += f", not {ours} ({found.how.value} {found.confidence:.2f})"
    return text


def _as_json(scores: dict[Library, Score], shown: Sequence[Library], most: int) -> dict[str, Any]:
    return {
        "libraries": {each.name: _figures(score) for each, score in scores.items()},
        "totals": {
            f"{language} {'held out' if held_out else 'tuned on'}": _figures(total)
            for (language, held_out), total in _totals(scores).items()
        },
        "wrong": {
            each.name: [
                _described(wrong)
                for wrong in (*_spread(scores[each].wrong, most), *_spread(scores[each].missed, most))
            ]
            for each in shown
            if most
        },
    }


def _figures(of: Score) -> dict[str, Any]:
    return {
        "unknown": of.unknown,
        **{
            name: {
                group: {"number": each.number, "right": each.right} for group, each in sorted(shares.items())
            }
            for name, shares in (("precision", of.precision), ("recall", of.recall))
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
