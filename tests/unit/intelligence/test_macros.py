"""C and C++ functions that macros declare, and macros that declare none."""

import pytest

from tests.unit.intelligence.test_second_look import full, named

TESTS = """#include "gtest/gtest.h"
TEST(Cart, Adds) { int x; }
TEST_F(CartTest, Removes)
{
}
BOOST_AUTO_TEST_SUITE(all)
  BOOST_AUTO_TEST_CASE(adds_two) { f(); }
TEST_CASE("adds (2)", "[cart][slow]") { f(); }
TEST_CASE_METHOD(Fixture, "a name", "[cart]") { f(); }
TEMPLATE_TEST_CASE("of types", "[cart]", int, (std::tuple<int, float>)) { f(); }
namespace deep {
  SCENARIO("someone buys") { f(); }
}
PLAIN() { f(); }
int after() { return 1; }
"""


def test_a_macro_that_makes_a_function_names_it_by_its_arguments() -> None:
    result = full(TESTS, "cpp")
    assert named(result) == [
        *("function Cart.Adds 2", "function CartTest.Removes 3", "function adds_two 7"),
        *("function adds (2) 8", "function Fixture.a name 9", "function of types 10"),
        *("namespace deep 11", "function deep.someone buys 12", "function PLAIN 14", "function after 15"),
    ]
    assert result.not_understood == 0
    assert result.entities[3].signature == 'TEST_CASE("adds (2)", "[cart][slow]")'


KERNEL = """/* Calls. */
SYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf,
\tsize_t, count)
{
\treturn f(fd);
}
SYSCALL_DEFINE0(getpid)
{
\treturn 1;
}
TEST(Cart, Adds) { int x; }
int after(void) { return 1; }
"""


def test_macros_of_c() -> None:
    result = full(KERNEL, "c")
    assert named(result) == [
        "function read 2",
        "function getpid 7",
        "function Cart.Adds 11",
        "function after 12",
    ]
    assert result.not_understood == 0


ALTERNATIVES = """int f(int a)
{
#ifdef X
  if (a) {
#else
  if (!a) {
#endif
    g();
  }
  return 1;
}
#if Y
int other(int a) {
#else
int other(int a, int b)
{
#endif
  return 1;
}
int after(void) { return 2; }
"""


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_one_of_several_preprocessor_alternatives_is_read(language: str) -> None:
    result = full(ALTERNATIVES, language)
    assert named(result) == ["function f 1", "function other 13", "function after 20"]
    assert result.not_understood == 0


OTHERS = """class URL {
  URL(string) { }
  void f() {
    FOREACH(a, b) { g(); }
    __catch(...) { g(); }
  }
};
void URL::locked(int a)
    LOCK_REQUIRED_(mutex) {
  g();
}
"""


def test_not_every_macro_before_a_block_makes_a_function() -> None:
    assert named(full(OTHERS, "cpp")) == [
        "class URL 1",
        "method URL.URL 2",
        "method URL.f 3",
        "method URL.locked 8",
    ]


COMMENTED = """#define FIRST 1L /* if one fails, try another and
                    then one again, even if that failed! */
#define SECOND 2L /* (one only) if one fails, don't try
                     another (again)! { */
#define GLOB "/a/*"
typedef enum {
  LAST = 3 /* no option */
} kind;
#define AFTER 2 // not a/*b
int after(void) { return 1; }
/* The end. */
"""


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_comment_behind_a_macro_ends_where_it_is_closed(language: str) -> None:
    result = full(COMMENTED, language)
    assert [each for each in named(result) if "kind" in each or "after" in each] == [
        "type kind 6",
        "function after 10",
    ]
    assert result.not_understood == 0
