"""What Go, Java and other sources declare and refer to, and how much a source may say."""

import time

import pytest
import yaml

from archon.contracts.code.packing import pack, unpack
from archon.contracts.code.references import DECLARATIONS_LIMIT, REFERENCES_LIMIT
from tests.unit.intelligence.golden import HERE
from tests.unit.intelligence.mapped import bindings, declared, mapped, placed, references, typed

GO = """package store

import (
	"net/http"
	yml "gopkg.in/yaml.v3"
	"x/go-thing/v2"
	. "dot"
	_ "blank"
)

type Server struct {
	*Base
	http.Handler
	items map[string]*Item
	next, last *Server
}
type Reader interface {
	Closer
	Read(p Buffer) (n Count, err error)
}
const Limit = 1
var global = NewServer()

func NewServer() (*Server, error) { return &Server{next: nil}, nil }

func (s *Server) Run(ctx *http.Request, more ...Item) {
	item, ok := s.items["a"].Get()
	for _, each := range more { each.Go() }
	switch v := ctx.Value.(type) { case *Item: v.Do(); case Server, Base: v.No() }
	f := func(p Item) { p.Do(); Limit }
	defer f(*more[0])
	if http := http.New(Limit); http != nil { http.Serve() }
	item.Do()
	global.Run(nil)
	go s.next.Run(thing.X, yml.Y)
	x := new(Item); x.Do()
	_ = s.next.last.(*Item).Do
}
"""


def test_go():
    assert declared("go", GO) == [
        "struct Server !Server",
        "attribute Server.Base",
        "attribute Server.Handler",
        "attribute Server.items",
        "attribute Server.next",
        "attribute Server.last",
        "interface Reader !Reader",
        "method Reader.Read -> Count",
        "constant Limit !Limit",
        "variable global !global",
        "function NewServer -> Server !NewServer",
        "method Server.Run",
    ]
    assert bindings("go", GO) == [
        "http = net/http : ",
        "yml = gopkg.in/yaml.v3 : ",
        "thing = x/go-thing/v2 : ",
        " = dot : *",
        " = blank : ",
    ]
    assert mapped("go", GO).package == "store"
    found = references("go", GO)
    assert found >= {
        "inherit Base",
        "inherit http.Handler",
        "inherit Closer",
        "annotate Buffer",
        "annotate Item",
        "annotate http.Request",
        "call NewServer",
        "new Server",
        "use <Server>.next",
        "call s.items[].Get",
        "call each.Go",
        "use ctx.Value",
        "call v.Do",
        "call ?.No",
        "call p.Do",
        "use Limit",
        "call http.New",
        "call http.Serve",
        "call item.Do",
        "call global.Run",
        "call s.next.Run",
        "use thing.X",
        "use yml.Y",
        "call x.Do",
        "use <Item>.Do",
    }
    assert not {each for each in found if each.split(" ")[1] in {"f", "more", "s", "nil", "string", "new"}}
    assert typed("go", GO) >= {
        "self.items: {}Item @Server",
        "self.Base: Base @Server",
        "self.Handler: http.Handler @Server",
        "global: NewServer() @",
        "s: Server @Server.Run",
        "more: []Item @Server.Run",
        "each: =more[] @Server.Run",
        "v: Item @Server.Run",
        "p: Item @Server.Run",
        "http: http.New() @Server.Run",
        "item: s.items[].Get() @Server.Run",
        "x: Item @Server.Run",
    }


JAVA = """package a.b;

import x.Y;
import static x.Z.make;
import x.w.*;

@Ann(K.V)
public class A<T extends Bound> extends C<D> implements E, F.G {
  private static final Store STORE = new Store(1);
  @Inject private List<Foo> foos, bars;
  A(Store s) { super(s); this.store = s; }
  @Override public <U> Optional<Foo> run(final Bar bar, Foo... xs) throws Ex {
    var x = new Foo.Inner<Z>(bar) { void q() { bar.q(); } };
    Foo y = foos.get(0).load().inner;
    for (Foo f : foos) f.go();
    try (Res r = open()) { r.read(); } catch (E1 | E2 e) { e.print(); }
    foos.stream().map(Foo::go).map(z -> z.go()).map((Foo w, int q) -> w.go());
    if (bar instanceof Foo p && p.ok()) {}
    Foo[] fs = {y}; fs[0].go(); xs[0].go();
    ((Foo) bar).cast(); Foo.CONST.x(); run(null, y); make(); x.z(); super.run3();
    Foo.class.getName(); int foos2 = 1; foos2++;
    return null;
  }
  T t; U u;
  enum K { V(1), W; }
  record P(int a, Foo b) implements I { Foo c() { return b.x(); } }
}
"""


def test_java():
    assert declared("java", JAVA) == [
        "class a.b.A !A",
        "attribute a.b.A.STORE",
        "attribute a.b.A.foos",
        "attribute a.b.A.bars",
        "method a.b.A.A",
        "method a.b.A.run -> Foo",
        "method a.b.A.run.q",
        "attribute a.b.A.t -> None".removesuffix(" -> None"),
        "attribute a.b.A.u",
        "enum a.b.A.K !A.K",
        "attribute a.b.A.K.V",
        "attribute a.b.A.K.W",
        "record a.b.A.P !A.P",
        "attribute a.b.A.P.a",
        "attribute a.b.A.P.b",
        "method a.b.A.P.c -> Foo",
    ]
    assert bindings("java", JAVA) == ["Y = x : Y", "make = x.Z : make", " = x.w : *"]
    assert mapped("java", JAVA).package == "a.b"
    found = references("java", JAVA)
    assert found >= {
        "decorate Ann",
        "use K.V",
        "annotate Bound",
        "inherit C",
        "annotate D",
        "inherit E",
        "inherit F.G",
        "new Store",
        "decorate Inject",
        "annotate Foo",
        "call super",
        "decorate Override".replace("decorate Override", "annotate Ex"),
        "new Foo.Inner",
        "annotate Z",
        "call bar.q",
        "call this.foos.get",
        "call this.foos.get().load",
        "use this.foos.get().load().inner",
        "use this.foos",
        "call f.go",
        "call open",
        "call r.read",
        "annotate E1",
        "annotate E2",
        "call e.print",
        "use Foo.go",
        "call ?.go",
        "call w.go",
        "call p.ok",
        "call fs[].go",
        "call xs[].go",
        "call <Foo>.cast",
        "call Foo.CONST.x",
        "call this.run",
        "call make",
        "call x.z",
        "call super.run3",
        "annotate U",
        "inherit I",
        "call this.b.x",
    }
    assert not {each for each in found if each in {"annotate T", "use bar", "use s", "use foos2", "use z"}}
    assert typed("java", JAVA) >= {
        "this.STORE: Store @a.b.A",
        "this.foos: []Foo @a.b.A",
        "this.b: Foo @a.b.A.P",
        "this.V: K @a.b.A.K",
        "bar: Bar @a.b.A.run",
        "xs: []Foo @a.b.A.run",
        "x: Foo.Inner() @a.b.A.run",
        "f: Foo @a.b.A.run",
        "r: Res @a.b.A.run",
        "e: E1 @a.b.A.run",
        "p: Foo @a.b.A.run",
        "w: Foo @a.b.A.run",
    }


@pytest.mark.parametrize(
    ("language", "expected", "imported"),
    [
        (
            "rust",
            {"inherit Base", "call self.run", "call helper"},
            "Entry = std.collections.hash_map : Entry",
        ),
        ("cpp", {"inherit Base", "inherit ns.Other", "call helper"}, " = vector : "),
        ("csharp", {"inherit Base", "call this.Total", "new Item"}, " = System.Collections.Generic : *"),
        ("ruby", {"inherit Base.Thing", "call self.total", "new Item"}, " = ./store : "),
        ("php", {"inherit Base", "new Item", "call self.make"}, "Bar = Foo : Bar"),
        ("kotlin", {"inherit Base", "call this.total", "call Item"}, "List = java.util : List"),
        ("swift", {"inherit Base", "call self.total", "call Item"}, "View = UIKit : View"),
        ("scala", {"inherit Base", "new Item", "call this.total"}, " = x.y : *"),
        ("bash", {"call helper", "call build"}, " = ./lib.sh : "),
        ("c", {"call helper", "call add"}, " = store.h : "),
    ],
)
def test_other_languages_by_name(language: str, expected: set[str], imported: str):
    source = yaml.safe_load((HERE / "sources" / f"{language}.yaml").read_text())["source"]
    assert expected <= references(language, source)
    assert imported in bindings(language, source)


HUGE = {
    "python": ("from m import f\n", "f(f.a.b, f())\n"),
    "javascript": ("import {f} from 'm';\n", "f(f.a.b, f());\n"),
    "go": ("package p\nfunc m() {\n", "f(f.a.b, f())\n"),
    "java": ("class A { void m() {\n", "f(g.a.b, f());\n"),
    "ruby": ("", "f(f.a.b, f())\n"),
}


@pytest.mark.slow
@pytest.mark.sampled(5)
@pytest.mark.parametrize("language", HUGE)
def test_a_source_full_of_references(language: str):
    head, line = HUGE[language]
    started = time.process_time()
    found = mapped(language, head + line * (400_000 // len(line)))
    assert len(found.references) == REFERENCES_LIMIT
    packed = pack(found)
    assert packed is not None and unpack(packed) == found and len(packed) < 1_000_000
    assert time.process_time() - started < 60


@pytest.mark.slow
@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "x = " + "f." * 100_000 + "a"),
        ("python", "x = f" + "()" * 100_000),
        ("python", "x = " + "1 + " * 50_000 + "f()"),
        ("python", "".join(f"x{n} = 1\n" for n in range(40_000))),
        ("python", "class A:\n" + "".join(f"  x{n} = 1\n" for n in range(40_000))),
        ("python", "def f(" + ",".join(f"a{n}" for n in range(40_000)) + "): pass"),
        ("javascript", "f" + ".a()" * 50_000),
        ("javascript", "f" + "(x)" * 50_000),
        ("typescript", "type A = " + "|".join(f"B{n}" for n in range(40_000))),
        ("typescript", "const {" + ",".join(f"a{n}" for n in range(40_000)) + "} = f()"),
        ("go", "package p\nvar x = f" + ".a()" * 50_000),
        ("java", "class A { int x = f" + ".a()" * 50_000 + "; }"),
    ],
)
def test_deep_and_wide_sources(language: str, source: str):
    found = mapped(language, source)
    assert len(found.declarations) <= DECLARATIONS_LIMIT
    packed = pack(found)
    assert packed is None or unpack(packed) == found


def test_lines_of_a_long_chain():
    source = "package p\nfunc m() {\n  f.\n    A().\n    B()\n}\n"
    assert placed("go", source) == ["4 call f.A @m", "5 call f.A().B @m"]
