"""In: TypeScript sources. Out: what their names mean, from the parser to the resolver."""

import pytest

from tests.references.ours import resolved

TYPES = """\
export interface Shape { size: Size; nested: { depth: Size } }
export class Size { wide: number; grow() {} }
export type Both = Shape & { extra: Size };
export type Either = { kind: "a"; first: Size } | { kind: "b"; second: Size };
export const names = { data: new Size(), inner: { deep: new Size() }, act() {} };
export interface Made {}
export const Made: Maker = make();
interface Maker { build(): Size }
export interface Space {}
export declare namespace Space { interface Options { loud: boolean } }
"""


def meanings(source: str) -> dict[str, int]:
    """Of each resolved name its line in TYPES."""
    found = resolved({"src/types.ts": TYPES, "src/main.ts": source})
    return {
        each.name: each.target_line
        for each in found
        if (each.path, each.target_path) == ("src/main.ts", "src/types.ts")
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "function f(s: Shape) { const { size, nested: { depth } } = s; }",
            {"size": 1, "nested": 1, "depth": 1},
        ),
        ("function f({ size }: Shape) { size.grow() }", {"size": 1, "grow": 2}),
        ("function f(s: Shape) { s.nested.depth.wide }", {"nested": 1, "depth": 1, "wide": 2}),
        ("function f(b: Both) { b.extra.grow(); b.size }", {"extra": 3, "grow": 2, "size": 1}),
        ("function f(e: Either) { e.second.wide }", {"second": 4, "wide": 2}),
        ("function f(d: Shape['nested']['depth']) { d.grow() }", {"grow": 2}),
        (
            "names.data.grow(); names.inner.deep.wide",
            {"data": 5, "grow": 2, "inner": 5, "deep": 5, "wide": 2},
        ),
        ("const { data } = names; data.grow()", {"data": 5, "grow": 2}),
        ("names.act()", {"names": 5, "act": 5}),
        ("Made.build().grow()", {"build": 8, "grow": 2}),
        ("let m: Made", {"Made": 6}),
        ("use(Made)", {"Made": 7}),
        ("function f(o: Space.Options) { o.loud }", {"Options": 10, "loud": 10}),
        ("function f(this: Shape) { xs.map(() => this.size.wide) }", {"size": 1, "wide": 2}),
        ("class A { static Size = Size }", {"Size": 2}),
    ],
)
def test_members_of_types_and_objects_are_found(source: str, expected: dict[str, int]):
    imports = "import { Shape, Size, Both, Either, names, Made, Space } from './types';\n"
    found = meanings(imports + source)
    assert {name: found.get(name) for name in expected} == expected


def test_a_local_is_no_use_of_the_object_that_it_stands_for():
    source = "import { names } from './types';\nfunction f() { const own = names.inner;\nown.deep }"
    found = resolved({"src/types.ts": TYPES, "src/main.ts": source})
    assert [each.name for each in found if (each.path, each.line) == ("src/main.ts", 3)] == ["deep"]


def test_members_are_not_names_in_scope():
    source = "const api = { save() { return save(); } };\nfunction save() {}\n"
    (found,) = (each for each in resolved({"src/api.ts": source}) if each.kind == "call")
    assert found.target_line == 2


def test_a_class_that_assigns_an_attribute_of_its_base_declares_none():
    source = "class Base { x = 1 }\nclass Own extends Base { m() { this.x = 2 } }\n"
    (found,) = (each for each in resolved({"src/api.ts": source}) if each.name == "x")
    assert found.target_line == 1


def test_a_value_that_depends_on_itself_ends():
    source = "class Node { next = this.next.next; a = this.b; b = this.a;\nm() { this.next.next.a.b } }\n"
    assert {each.name for each in resolved({"src/node.ts": source})} >= {"next"}
