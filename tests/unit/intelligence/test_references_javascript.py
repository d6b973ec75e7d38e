"""What a JavaScript or TypeScript source declares and refers to."""

import pytest

from archon.contracts.code.packing import unpack
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from tests.unit.intelligence.mapped import bindings, declared, placed, references, typed

HEAD = "import { f, T, store, Err } from './m';\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f(T)", {"call f", "use T"}),
        ("new T(); new store.T<Err>()", {"new T", "new store.T", "annotate Err"}),
        ("store.a?.b!.c()", {"call store.a.b.c"}),
        ("f().g(); f`x${T}`", {"call f", "call f().g", "use T"}),
        ("store[T].go()", {"use store", "use T", "call store[].go"}),
        (
            "(f as Err).go(); (await f()).go()",
            {"use f", "annotate Err", "call <Err>.go", "call f", "call f().go"},
        ),
        ("class A extends store.B<Err> implements T { }", {"inherit store.B", "annotate Err", "inherit T"}),
        ("interface I extends T { m(a: Err): store.X }", {"inherit T", "annotate Err", "annotate store.X"}),
        ("type A = T | { e: Err } | typeof f", {"annotate T", "annotate Err", "use f"}),
        ("@f class A { @store.on(T) m() {} @f x = 1 }", {"decorate f", "decorate store.on", "use T"}),
        ("function g(a: T, b = f): Err {}", {"annotate T", "use f", "annotate Err"}),
        ("const g = <A extends T>(a: A) => a", {"annotate T"}),
        ("x instanceof Err", {"use x", "use Err"}),
        ("let x = { a: f, T, [store.k]: 1 }", {"use f", "use T", "use store.k"}),
        ("export { f as g }", {"use f"}),
        ("try {} catch (e) { throw new Err(e) }", {"new Err"}),
        ("enum E { A = 1, B = f(1) }", {"call f"}),
        ("console.log(JSON.stringify(1)); setTimeout(f)", {"use f"}),
    ],
)
def test_references(source: str, expected: set[str]):
    assert references("typescript", HEAD + source) == expected


def test_elements_are_calls():
    source = HEAD + "const x = <T a={f} {...store}><div/><store.X></store.X></T>;"
    assert references("tsx", source) == {
        "call T",
        "use T",
        "use f",
        "use store",
        "call store.X",
        "use store.X",
    }


@pytest.mark.parametrize(
    "source",
    [
        "function g(f, {T, x: store}, [Err] = []) { f(); T(); store; Err }",
        "const g = f => f();",
        "function g() { const f = 1; { let T = 2; T } return f }",
        "function g() { f(); var f }",
        "for (const f of []) { f() } for (let T = 0; T < 1; T++) {} for (const store in {}) store",
        "try {} catch (f) { f() } try {} catch ({T}) { T }",
        "const g = function f() { f() }",
        "function g<T>(a: T): T {}",
        "type G<T> = T; interface H<T> { a: T } class K<T> { a: T }",
        "type G = { [T in 'a']: T }; type H = string extends infer T ? T : 1",
    ],
)
def test_local_names_are_no_references(source: str):
    names = {each.split(" ")[1].split(".")[0] for each in references("typescript", HEAD + source)}
    assert not names & {"f", "store", "T", "Err"}


def test_a_name_is_known_again_after_its_block():
    source = HEAD + "{ const f = 1; f() }\nf();\nfunction g() { if (1) { let T; } return T }"
    assert placed("typescript", source) == ["3 call f @", "4 use T @g"]


def test_bindings():
    source = """import D, { a as b, type T } from './m';
import * as ns from "n";
import eq = require('e');
import './bare';
const { p, q: r } = require('./c'), s = require('./d');
const l = await import('./l');
export { x as y } from './z';
export * from './s';
export * as nn from './n';
import('./lazy');
"""
    assert bindings("typescript", source) == [
        "D = ./m : default",
        "b = ./m : a",
        "T = ./m : T",
        "ns = n : ",
        "eq = e : ",
        " = ./bare : ",
        "p = ./c : p",
        "r = ./c : q",
        "s = ./d : ",
        "l = ./l : ",
        "y = ./z : x !",
        " = ./s : * !",
        "nn = ./n :  !",
        " = ./lazy : ",
    ]


def test_exports():
    source = """export const a = 1, [b] = [2];
export function f() {}
export default class C {}
const d = 1, e = 2;
export { d as D, e, e as E };
export type { I };
interface I {}
"""
    assert declared("typescript", source) == [
        "constant a !a",
        "constant b !b",
        "function f !f",
        "class C !default",
        "constant d !D",
        "constant e !e",
        "interface I !I",
    ]
    assert bindings("typescript", source) == ["E =  : e !"]


def test_exports_of_common_js():
    source = "class A {}\nconst b = 1;\nmodule.exports = { A, c: b };\nexports.g = function () {};\n"
    assert declared("javascript", source) == ["class A !A", "constant b !c", "function g !g"]
    assert declared("javascript", "class A {}\nmodule.exports = A;\n") == ["class A !default"]


def test_members():
    source = """class A {
  x: T; static y = 1; #z;
  constructor(private readonly s: S, t: T) {}
  get g(): T { return 1 }
  m(): Promise<T[]> {}
}
enum E { A, B = 1 }
interface I { p?: T; m(): void }
"""
    assert declared("typescript", source) == [
        "class A",
        "attribute A.x",
        "attribute A.y",
        "attribute A.#z",
        "method A.constructor",
        "attribute A.s",
        "method A.g -> T",
        "method A.m -> []T",
        "enum E",
        "attribute E.A",
        "attribute E.B",
        "interface I",
        "attribute I.p",
        "method I.m",
    ]


def test_types():
    source = (
        HEAD
        + """
class A {
  x: T | null;
  y = new T();
  constructor(private readonly s: store.S) { this.s.go(); }
  get g(): T { return 1 }
  m(a: T[], { o }: Err) {
    const { s, x: z } = this;
    s.go(); z.go(); o.go();
    for (const e of a) e.go();
    a.map(w => w.go());
    const n = new T(), q = f(), r = q.inner;
    return n.go(q.go(), r.go());
  }
}
function mk() { return new T(); }
const arrow = () => new T();
"""
    )
    found = typed("typescript", source)
    assert found >= {
        "this.x: T @A",
        "this.y: T() @A",
        "this.s: store.S @A",
        "this.g: T @A",
        "s: =this.s @A.m",
        "z: =this.x @A.m",
        "o: =<Err>.o @A.m",
        "a: []T @A.m",
        "e: =a* @A.m",
        "w: =a* @A.m",
        "n: T() @A.m",
        "q: f() @A.m",
        "r: =q.inner @A.m",
    }
    assert {"function mk -> T", "function arrow -> T"} <= set(declared("typescript", source))


def test_a_component_has_the_files_lines():
    source = "<template/>\n<script setup lang='ts'>\nimport { f } from './x'\nconst b = f()\n</script>\n"
    packed = analyse(source, "vue", EnrichmentType.FULL).code_map
    assert packed is not None
    assert [(each.name, each.line) for each in unpack(packed).references] == [("f", 4)]


@pytest.mark.parametrize(
    ("source", "language", "expected"),
    [
        (
            '{"compilerOptions": {"baseUrl": ".", "strict": true, // x\n "paths": {"@/*": ["src/*"],}},}',
            "json",
            '{"tsconfig":{"baseUrl":".","paths":{"@/*":["src/*"]}}}',
        ),
        (
            '{"name": "a//b", "main": "x.js", "scripts": {"a": 1}, "exports": {".": "./a.js"}}',
            "json",
            '{"package":{"name":"a//b","exports":{".":"./a.js"},"main":"x.js"}}',
        ),
        (
            "module example.com/x // y\n\nreplace a/b => ./c\nreplace (\n\td v1.2 => ../e\n\tf => g v1\n)\n",
            "gomod",
            '{"gomod":{"module":"example.com/x","replace":{"a/b":"./c","d":"../e"}}}',
        ),
    ],
)
def test_settings(source: str, language: str, expected: str):
    packed = analyse(source, language, EnrichmentType.FULL).code_map
    assert packed is not None and unpack(packed).settings == expected


@pytest.mark.parametrize("source", ['{"a": 1}', '{"name": ', "[]", '{"name": [', '{"x": "name"}'])
def test_other_files_have_no_settings(source: str):
    assert analyse(source, "json", EnrichmentType.FULL).code_map is None
