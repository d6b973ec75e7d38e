"""Syntax that parsers do not know: found by a second look, otherwise counted, never silently lost."""

from pathlib import Path

import pytest

from archon.contracts.analysis import AnalysisResult
from archon.contracts.identity import language_of
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse

CASES = Path(__file__).parents[2] / "cases"


def full(text: str, language: str | None) -> AnalysisResult:
    return analyse(text, language, EnrichmentType.FULL)


def named(result: AnalysisResult) -> list[str]:
    return [f"{each.kind} {each.qualified_name} {each.start_line}" for each in result.entities]


@pytest.mark.parametrize(
    ("name", "entities", "bases"),
    [
        ("13-cpp/c1.h", ["struct Base 1", "struct Derived 2"], ["Derived -> Base"]),
        ("13-cpp/c3.h", ["enum Mode 1"], []),
        ("13-cpp/c8.h", ["struct Point 1", "method Point.operator== 1", "struct P3 2"], ["P3 -> Point"]),
        ("13-cpp/m1.cppm", ["class Cart 2", "method Cart.total 2", "function f 3"], []),
        ("13-cpp/m4.cppm", ["class Cart 3", "method Cart.total 3", "function f 4", "function g 6"], []),
        ("13-cpp/x1.hpp", ["class Gadget 1", "method Gadget.Turn 3"], ["Gadget -> Widget"]),
        ("13-cpp/x2.hpp", ["class Cipher 1", "method Cipher.Turn 3"], ["Cipher -> Base"]),
        ("13-cpp/x3.hpp", ["class Gadget 1", "method Gadget.Turn 3"], ["Gadget -> Widget"]),
        ("13-cpp/x7.hpp", ["enum Mode 1", "union U 2"], []),
        (
            "15-kotlin/k1.kt",
            ["object Nothing2 1", "interface Event 2", "class Event.Added 2", "function after 3"],
            ["Event.Added -> Event"],
        ),
        ("15-kotlin/object-then-class.kt", ["object A 1", "class B 2", "method B.m 2"], []),
        ("18-bash/b2.sh", ["function second 1", "function after 4"], []),
        ("18-bash/b4.sh", ["function fourth 1", "function after 4"], []),
        (
            "20-ts/wrap.tsx",
            [
                *("function Card 2", "function Input 3", "function Price 4", "function useStore 5"),
                *("method useStore.bump 5", "function save 6", "function default 7", "function GET 8"),
            ],
            [],
        ),
        ("Java25.java", ["class App 3", "method App.run 3"], []),
    ],
)
def test_inputs_that_failed(name: str, entities: list[str], bases: list[str]) -> None:
    path = CASES / name
    result = full(path.read_text(), language_of(path.name))
    assert named(result) == entities
    assert [
        f"{each.source} -> {each.target}" for each in result.relationships if each.kind == "inherits"
    ] == bases
    assert (result.not_understood, result.statistics["syntax_errors"]) == (0, 0)


CPP = """
namespace a::b {
class FOO_API Widget final : public Base<int>, private virtual other::B2 {
  Q_OBJECT
  Q_PROPERTY(int x READ x WRITE setX NOTIFY xChanged)
public:
  ~Widget() override = default;
  FOO_NODISCARD int size() const noexcept { return n_; }
  template <typename T> void put(T&& t) { }
public slots:
  void onClick() { }
signals:
  void changed(int);
};
template <class T>
class LIB_EXPORT Box<T*> : Base { void m() {} };
struct [[nodiscard]] LIB_API Res : Base { int ok() { return 1; } };
class __declspec(dllexport) Dll { void m() {} };
class __attribute__((visibility("default"))) alignas(8) Vis : public Base { void m() {} };
FOO_API int exported(int a) { return a; }
struct Bits { unsigned a : 3; struct Other o : 2; };
struct Plain make(struct Plain p) { return p; }
}
int last() { return 1; }
"""


def test_macros_before_names_of_cpp() -> None:
    result = full(CPP, "cpp")
    assert [each.qualified_name for each in result.entities] == [
        *(
            "a.b",
            "a.b.Widget",
            "a.b.Widget.~Widget",
            "a.b.Widget.size",
            "a.b.Widget.put",
            "a.b.Widget.onClick",
        ),
        *("a.b.Box", "a.b.Box.m", "a.b.Res", "a.b.Res.ok", "a.b.Dll", "a.b.Dll.m", "a.b.Vis", "a.b.Vis.m"),
        *("a.b.exported", "a.b.Bits", "a.b.make", "last"),
    ]
    inherits = [f"{each.source} {each.target}" for each in result.relationships if each.kind == "inherits"]
    assert inherits == [
        "a.b.Widget Base",
        "a.b.Widget other::B2",
        "a.b.Box Base",
        "a.b.Res Base",
        "a.b.Vis Base",
    ]


MODULE = """module;
#include <cstdio>
export module shop.cart:items;
import std;
import <vector>;
import "local.h";
export import :other;
export namespace shop { class Item { public: int n() { return 1; } }; }
export template <typename T> T id(T t) { return t; }
export using Id = int;
export {
  int one() { return 1; }
  namespace deep { int two() { if (true) { return 2; } return 3; } }
}
module :private;
int three() { return 3; }
"""


def test_modules_of_cpp() -> None:
    result = full(MODULE, "cpp")
    assert named(result) == [
        *("namespace shop 8", "class shop.Item 8", "method shop.Item.n 8", "function id 9", "type Id 10"),
        *("function one 12", "namespace deep 13", "function deep.two 13", "function three 16"),
    ]
    imports = [(each.target, each.line) for each in result.relationships]
    assert imports == [("cstdio", 2), ("std", 4), ("vector", 5), ("local.h", 6), (":other", 7)]
    assert result.not_understood == 0


EXTERN_C = """#ifdef __cplusplus
extern "C" {
#endif
int f(int a) { return a; }
#ifdef __cplusplus
}
#endif
"""


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("struct S { virtual void f() {} };\n", ["S", "S.f"]),
        ("int use(const Mode& m) { return 1; }\nenum class Mode : char { A };\n", ["use", "Mode"]),
        ("class Fwd;\nstruct S { S() = default; int a = 1; };\n", ["S", "S.S"]),
        (EXTERN_C, ["f"]),
        ("/* class of its own, as std::vector is */\nint class(int new) { return new; }\n", ["class"]),
        ("struct s { int template; };\nint f(struct s *private) { return private->template; }\n", ["s", "f"]),
    ],
)
def test_a_header_is_c_only_if_c_alone_can_be_meant(header: str, names: list[str]) -> None:
    result = full(header, language_of("x.h"))
    assert [each.qualified_name for each in result.entities] == names
    assert result.not_understood == 0


@pytest.mark.parametrize(
    ("text", "given", "language"),
    [
        ("namespace shop {\ntemplate <class T>\nclass A {};\n}\n", "c", "cpp"),
        ("#include <vector>\nusing Ids = std::vector<int>;\n", "c", "cpp"),
        *(((CASES / "13-cpp" / name).read_text(), "c", "cpp") for name in ("c1.h", "c3.h", "c8.h")),
        (EXTERN_C, "c", "c"),
        ("int f(void) { return 1; }\n", "cpp", "cpp"),
        ("<script lang='ts'>let a: number</script>\n", "vue", "vue"),
        ("#!/usr/bin/env python3\nx = 1\n", None, "python"),
        ("Some prose.\n", None, None),
        ("x = 1\n", "Python", "python"),
        ("DISPLAY 1.\n", "cobol", "cobol"),
    ],
)
def test_the_language_is_the_one_that_the_text_was_read_as(
    text: str, given: str | None, language: str | None
) -> None:
    assert full(text, given).language == language


KOTLIN = """package a

object Registry
object Empty : Base()
data object None : Opt<Nothing>
sealed interface Shape {
    data object Unit1 : Shape
    object Nil : Shape
    fun area(): Double = when (this) {
        is Circle -> r * r
        else -> 0.0
    }
}
fun interface Op { fun run(x: Int): Int }
class WithCompanion {
    companion object
    fun a() = 1
}
class WithNamed {
    companion object Factory {
        fun make() = WithNamed()
    }
}
class WithPublic {
    @JvmStatic public companion object
}
@JvmInline
value class Name(val s: String) { fun greet() = s }
context(Logger)
fun logged() = 1
suspend inline fun <reified R> fetch(crossinline f: () -> R): R = f()
class Last
"""


def test_objects_and_others_of_kotlin() -> None:
    result = full(KOTLIN, "kotlin")
    assert named(result) == [
        *("object a.Registry 3", "object a.Empty 4", "object a.None 5", "interface a.Shape 6"),
        *("object a.Shape.Unit1 7", "object a.Shape.Nil 8", "method a.Shape.area 9", "interface a.Op 14"),
        *("method a.Op.run 14", "class a.WithCompanion 15", "object a.WithCompanion.Companion 16"),
        *("method a.WithCompanion.a 17", "class a.WithNamed 19", "object a.WithNamed.Factory 20"),
        *("method a.WithNamed.Factory.make 21", "class a.WithPublic 24", "object a.WithPublic.Companion 25"),
        *("class a.Name 27", "method a.Name.greet 28"),
        *("function a.logged 30", "function a.fetch 31", "class a.Last 32"),
    ]
    assert result.not_understood == 0


BASH = """function one {
  [[ $x =~ ^(a|b)+\\)$ ]] && return
}
function two() {
  case "$1" in
    a|b) echo x ;;
    @(c|d)*) echo y ;;
    *) : ;;
  esac
}
three () (
  cat <<-EOF
	four() {
	EOF
)
five-dash:colon() { if while false; do :; done then :; fi; }
six()
{
  for f in !(*.md); do echo "$f"; done
}
"""


def test_functions_of_bash_however_they_are_written() -> None:
    result = full(BASH, "bash")
    assert [each.name for each in result.entities] == ["one", "two", "three", "five-dash:colon", "six"]
    assert result.not_understood == 0


def test_an_attribute_may_have_an_ampersand() -> None:
    text = 'const A = () => <a href="/x?a=1&b=2&c">x</a>;\nfunction after() { return a && b & c; }\n'
    result = full(text, "tsx")
    assert [each.name for each in result.entities] == ["A", "after"]
    assert result.not_understood == 0


JAVA = """import module java.base;
import static java.util.List.of;
import java.util.*;
sealed interface Shape permits Circle, Square {}
record Circle(double r) implements Shape { Circle { } }
final class Square implements Shape { }
void main() { IO.println(helper()); }
String helper() { return "x"; }
"""


def test_newer_java_syntax_is_understood() -> None:
    result = full(JAVA, "java")
    assert [each.qualified_name for each in result.entities] == [
        *("Shape", "Circle", "Circle.Circle", "Square", "main", "helper")
    ]
    assert [each.target for each in result.relationships if each.kind == "imports"] == [
        *("java.base", "java.util.List.of", "java.util.*")
    ]
    assert result.not_understood == 0
    module = full(
        "module a.b {\n  requires java.sql;\n  requires transitive c.d;\n  exports a.b.c;\n}\n", "java"
    )
    assert [(each.kind, each.name) for each in module.entities] == [("module", "a.b")]
    assert [each.target for each in module.relationships] == ["java.sql", "c.d"]


@pytest.mark.parametrize(
    ("language", "text", "lines"),
    [
        ("python", "def a(): pass\nx = = 3\ndef b(): pass\n", 1),
        ("javascript", "function a() {}\n@@@ %%% ;\nfunction b() {}\n", 1),
        ("cpp", "int a() { return 1; }\n]] } int (b;\nint c() { return 1; }\n", 1),
        ("json", '{"a": 1,\n "b": ]\n}\n', 1),
        ("yaml", "a: 1\nb: [\nc: 2\n", 1),
        ("toml", "a = 1\nno key\n", 1),
        ("python", "x = 1\n" * 400_000, 400_000),
    ],
)
def test_lines_that_are_not_understood_are_counted(language: str, text: str, lines: int) -> None:
    assert full(text, language).not_understood >= lines


def test_a_whole_declaration_within_an_error_is_found() -> None:
    good = "def f(a):\n    return a\n\n\n"
    result = full("if (:\n" + good * 20, "python")
    assert sum(each.name == "f" for each in result.entities) == 20
    assert result.not_understood < 20


CSHARP = """class A
{
    int F(object v)
    {
        if (v == null)
            return 0;
#if NET40
        else if (v == DBNull.Value)
            return 1;
#endif
        else if (v is string)
            return 3;
        return 4;
    }
}
"""


def test_conditions_of_csharp_behind_a_directive_are_no_functions() -> None:
    assert named(full(CSHARP, "csharp")) == ["class A 1", "method A.F 3"]


COPROCESSES = """f() {
  coproc READER { cat; }
  coproc { ls; }
  coproc while read -r x; do echo "$x"; done
  coproc cat
  echo end
}
g() { :; }
"""
FALLING_THROUGH = """f() {
  case $1 in
    a) echo a ;;
    b) echo b ;&
  esac
}
g() { case $1 in a) ls ;;& # the last
  esac
}
h() { :; }
"""
EXTENSIONS = """static class Texts {
  extension(string text) {
    public int Words() => text.Length;
    public bool Empty => text == "";
  }
  extension<T>(IEnumerable<T> items) where T : class
  {
    public T First(int number) { return items.Take(number); }
  }
  public static void Plain() { }
}
class Plug { void extension(int port) { } void Use() { extension(1); } }
"""


@pytest.mark.parametrize(
    ("text", "language", "entities"),
    [
        (COPROCESSES, "bash", ["function f 1", "function g 8"]),
        (FALLING_THROUGH, "bash", ["function f 1", "function g 7", "function h 10"]),
        (
            EXTENSIONS,
            "csharp",
            [
                *("class Texts 1", "method Texts.Words 3", "method Texts.First 8", "method Texts.Plain 10"),
                *("class Plug 12", "method Plug.extension 12", "method Plug.Use 12"),
            ],
        ),
    ],
)
def test_newer_syntax_neither_ends_a_block_early_nor_declares_anything(
    text: str, language: str, entities: list[str]
) -> None:
    result = full(text, language)
    assert (named(result), result.not_understood) == (entities, 0)


def test_a_coprocess_does_not_end_its_function() -> None:
    assert full(COPROCESSES, "bash").entities[0].end_line == 7
