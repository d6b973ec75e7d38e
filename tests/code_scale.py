"""In: a size. Out: load time, memory and latency of questions about a synthetic project of that size.

python -m tests.code_scale --documents 10000

Each document has ten symbols and about fifty references: calls of imported functions, of methods through
`self`, typed variables and unknown receivers, annotations and bases; names repeat as they do in real
projects.
"""

import argparse
import gc
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from archon.contracts.code.answers import Freshness
from archon.contracts.code.packing import pack, unpack
from archon.contracts.code.references import Binding, CodeMap, Declaration, Reference, Typed
from archon.contracts.identity import content_hash, document_id
from archon.references.answers.find import find
from archon.references.answers.impact import Change, impact_of
from archon.references.answers.outline import outline
from archon.references.answers.pages import Page
from archon.references.answers.relations import Around, callees_of, callers_of
from archon.references.edges.survey import Survey
from archon.references.port import ChangedDocument, Changes, Filters
from archon.references.project import Project
from archon.runtime.http.serving import YOUNG_OBJECTS

WORDS: Final = (
    "load store parse build check merge split render apply reduce handle update create find".split()  # noqa: SIM905
)
NOUNS: Final = (
    "order user item price cart stock report event record token batch query page graph".split()  # noqa: SIM905
)
CLOCK: Final = time.process_time
"""Other work on the machine does not count."""
IN_PACKAGE: Final = 20
IMPORTS: Final = 6
PAGE: Final = 500


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.code_scale", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    gc.set_threshold(YOUNG_OBJECTS)  # as in the bridge
    chance = random.Random(options.seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    project, loaded, references, symbols = load(options.documents, chance)
    print(f"{options.documents} documents, {symbols} symbols, {references} references")
    print(f"load: {loaded:.1f} s, index of {project.bytes / 2**20:.0f} MiB")
    names = [f"{each}" for each in subjects(project, options.questions, chance)]
    page = Page(100)
    questions: Sequence[tuple[str, Callable[[str], object]]] = (
        ("find", lambda name: find(project, name.rpartition(":")[2].rpartition(".")[2], Filters(), page)),
        ("callers", lambda name: callers_of(project, name, Around(1, 0.2, page))),
        ("callees 3", lambda name: callees_of(project, name, Around(3, 0.2, page))),
        ("impact 3", lambda name: impact_of(project, Change(symbols=[name]), Around(3, 0.2, page))),
    )
    for title, ask in questions:
        report(f"{title}, cold", measured(ask, names, project.memo.clear)[0])
        report(f"{title}, warm", measured(ask, names)[0])
        answers, changes = measured(ask, names, lambda: change_some(project, chance))
        report(f"{title}, after a change", answers)
        report("change of three documents", changes)
    print(f"index with answers: {project.bytes / 2**20:.0f} MiB")
    started = CLOCK()
    survey = Survey(project)
    survey.go_on(1 << 30)
    outline(project, survey, 20)
    print(f"outline: {CLOCK() - started:.1f} s once after a change")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {(peak - before) / 1024:.0f} MiB more than before; peak {peak / 1024:.0f} MiB")
    return 0


def measured(
    ask: Callable[[str], object], names: Sequence[str], before: Callable[[], float | None] | None = None
) -> tuple[Sequence[float], Sequence[float]]:
    """The milliseconds of each question, and those that `before` gives. Without it, each answer is known."""
    took, others = [], []
    for name in names if before is None else ():
        ask(name)
    for name in names:
        others.append((before() if before else None) or 0.0)
        started = CLOCK()
        ask(name)
        took.append(1000 * (CLOCK() - started))
    return took, others


def report(title: str, took: Sequence[float]) -> None:
    took = sorted(took)
    p95 = took[int(0.95 * len(took)) - 1]
    print(f"{title:25} p50 {statistics.median(took):7.1f} ms  p95 {p95:7.1f} ms  max {took[-1]:7.1f} ms")


def change_some(project: Project, chance: random.Random) -> float:
    """Changes two documents and adds one; the milliseconds that this takes."""
    count = len(project.layout.documents)
    documents = [changed(each, count + 1, chance) for each in (*chance.sample(range(count), 2), count)]
    started = CLOCK()
    project.apply(Changes(documents, [], "", FRESH))
    return 1000 * (CLOCK() - started)


FRESH: Final = Freshness(documents=0, waiting=0, unanalysed=0)


def load(count: int, chance: random.Random) -> tuple[Project, float, int, int]:
    project, took, references, symbols = Project("scale"), 0.0, 0, 0
    for first in range(0, count, PAGE):
        documents = [changed(each, count, chance) for each in range(first, min(first + PAGE, count))]
        codes = [unpack(each.code_map) for each in documents if each.code_map]
        references += sum(len(each.references) for each in codes)
        symbols += sum(len(each.declarations) for each in codes)
        started = CLOCK()
        project.apply(Changes(documents, [], "", FRESH))
        took += CLOCK() - started
    return project, took, references, symbols


def subjects(project: Project, count: int, chance: random.Random) -> Iterator[str]:
    numbers = project.store.numbers()
    for number in chance.choices(numbers, k=count):
        document = project.store.document(number)
        declaration = chance.choice(document.code.declarations)
        yield f"{document.path}:{declaration.qualified_name}"


def module(number: int) -> str:
    return f"shop.p{number // IN_PACKAGE}.m{number}"


def function(number: int, position: int) -> str:
    noun = NOUNS[(number * 7 + position) % len(NOUNS)]
    return f"{WORDS[(number + position) % len(WORDS)]}_{noun}_{number % 50}"


def method(position: int, number: int) -> str:
    """One method in five has a name that much of the project shares."""
    name = (
        f"{WORDS[(number // 3 + position) % len(WORDS)]}_{NOUNS[(position * 5 + number // 9) % len(NOUNS)]}"
    )
    return name if position == 0 else f"{name}_{number % 40}"


def name_of(number: int) -> str:
    return f"{NOUNS[number % len(NOUNS)].title()}{WORDS[number % len(WORDS)].title()}{number % 97}"


def changed(number: int, count: int, chance: random.Random) -> ChangedDocument:
    path = f"src/{module(number).replace('.', '/')}.py"
    packed = pack(code_map(number, count, chance))
    identity, _ = document_id("scale", None, path)
    return ChangedDocument(identity, path, "python", content_hash(str(chance.random())), packed)


def code_map(number: int, count: int, chance: random.Random) -> CodeMap:
    """A class with five methods, and four functions. Few documents are imported by many."""
    others = [min(int(chance.paretovariate(0.25)) % count, count - 1) for _ in range(2)]
    near = number // IN_PACKAGE * IN_PACKAGE
    others += [min(near + chance.randrange(IN_PACKAGE), count - 1) for _ in range(IMPORTS - 2)]
    declarations = [
        Declaration("class", name_of(number), name_of(number), 0, 1, 60, -1, None, name_of(number))
    ]
    for position in range(5):
        name = method(position, number)
        line = 5 + 10 * position
        qualified = f"{name_of(number)}.{name}"
        declarations.append(Declaration("function", name, qualified, 0, line, line + 9, 0, None, None))
    for position in range(4):
        name, line = function(number, position), 61 + 10 * position
        declarations.append(
            Declaration("function", name, name, 0, line, line + 9, -1, name_of(others[0]), name)
        )
    bindings, typed = [], []
    for other in others:
        bindings.append(Binding(name_of(other), module(other), name_of(other), 1, exported=True))
        bindings.append(Binding(function(other, 1), module(other), function(other, 1), 1, exported=True))
    references = [Reference("inherit", name_of(others[1]), 1, 0)]
    for source in range(1, 10):
        other = chance.choice(others)
        typed.append(Typed("value", name_of(other), source, made=chance.random() < 0.5))
        references += [
            Reference("call", function(other, 1), 5 + source, source),
            Reference("call", f"value.{method(chance.randrange(5), other)}", 6 + source, source),
            Reference(
                "call", f"?.{method(chance.randrange(5), chance.randrange(count))}", 7 + source, source
            ),
            Reference("annotate", name_of(other), 5 + source, source),
            Reference("call", "value.get", 8 + source, source),
        ]
        if source < 6:
            references.append(
                Reference("call", f"self.{method(chance.randrange(5), number)}", 8 + source, source)
            )
    return CodeMap(declarations, references, bindings, typed)


if __name__ == "__main__":
    sys.exit(main())
