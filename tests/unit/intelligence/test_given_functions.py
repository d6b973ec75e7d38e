"""Functions assigned to a variable, a field or an object, or passed to a wrapping call."""

import pytest

from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import parse
from tests.unit.intelligence.test_second_look import full

WRAPPED = """
export const A = React.memo(React.forwardRef<X, P>(function Inner(props, ref) { return null; }));
const B = styled.div<{ on: boolean }>`color: ${(p) => p.on};`;
export const C = styled(Button).attrs({ a: 1 })`x`;
export const D = withRouter(connect(mapState)((props) => null)) as unknown as Thing;
const E = observer(function () { return null; });
export const handler = asyncHandler(async (req, res) => { res.end(); });
export const slow = _.debounce(() => {}, 100);
const names = items.map((x) => x.name);
const done = promise.then(() => 1);
const timer = setTimeout(() => {}, 1);
const total = sum(items.filter((x) => x));
const query = gql`query { a }`;
const app = express();
function outer() {
  const inner = compute((x) => x);
  const click = useCallback(() => {}, []);
  const value = useMemo(() => 1, []);
}
export default memo(() => null);
"""


def test_functions_that_are_wrapped() -> None:
    for language in ("typescript", "tsx"):
        found = [each.qualified_name for each in full(WRAPPED, language).entities]
        assert found == ["A", "B", "C", "D", "E", "handler", "slow", "outer", "outer.click", "default"]
    plain = "const A = memo(() => 1)\nexport default class {}\nexport const B = cache(async function () {})\n"
    assert [each.name for each in full(plain, "javascript").entities] == ["A", "default", "B"]


@pytest.mark.parametrize("language", ["javascript", "typescript", "tsx"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("export const { handlers, auth } = NextAuth(() => ({}));\n", []),
        ("const [useA, Provider] = createContext(() => 1);\n", []),
        (
            "class S { save = debounce(async () => {}, 5); static q = memo(() => 1) }\n",
            ["S", "S.save", "S.q"],
        ),
        ("class S { n = items.map((x) => 1); a = this.b.pipe(switchMap((x) => 1)) }\n", ["S"]),
        ("let late;\nlate = () => {};\nfunction f() { late = function () {} }\n", ["late", "f", "f.late"]),
        ("exports = function () {};\nlate = memo;\n", []),
        ("export const svc = { a() {}, b: async () => {}, c: { d() {} } }\n", ["svc.a", "svc.b", "svc.d"]),
        ("const slice = createSlice({ name: 'x', reducers: { inc() {} } })\n", ["slice.inc"]),
        ("const store = create(devtools({ bump() {} }))\n", ["store.bump"]),
        ("function f() { const o = { a() {} }; const r = call({ done() {} }) }\n", ["f", "f.o.a", "f.done"]),
        ("const all = test('x', () => { function helper() {} })\n", ["helper"]),
    ],
)
def test_functions_in_an_object_belong_to_its_variable(language: str, text: str, names: list[str]) -> None:
    result = full(text, language)
    assert [each.qualified_name for each in result.entities] == names
    assert result.not_understood == 0


def test_typescript_syntax_around_a_function_hides_nothing() -> None:
    text = "class S { private save = debounce(async () => {}, 5) as F }\nconst svc = { a() {} } as const\n"
    assert [each.qualified_name for each in full(text, "typescript").entities] == ["S", "S.save", "svc.a"]


HELD = {
    "python": """f: F = lambda a, b: a if b else 1
class A:
    g = lambda self: "text"
x, y = lambda: 1, 2
def m():
    h = lambda: 1
""",
    "go": """package a
var f = func(a, b int) int { return a }
var (
	g = func() {}
	x = 1
)
func m() { var h = func() {}; h() }
""",
    "kotlin": """val f: (Int) -> Int = { a -> a }
class A {
  val g = fun(x: Int, y: Int) = x
}
val x = run { 2 }
fun m() { val h = { 1 } }
""",
    "cpp": """static const auto f = [](int a, int b) { return a; };
namespace n { auto g = [] {}; int x = 3; }
int m() { auto h = [] { return 1; }; return h(); }
""",
}


@pytest.mark.parametrize(
    ("language", "functions"),
    [
        ("python", ["function f 2", "method A.g 0", "function m 0"]),
        ("go", ["function f 2", "function g 0", "function m 0"]),
        ("kotlin", ["function f 1", "method A.g 2", "function m 0"]),
        ("cpp", ["function f 2", "function n.g 0", "function m 0"]),
    ],
)
def test_a_variable_outside_functions_that_holds_a_function_is_one(
    language: str, functions: list[str]
) -> None:
    tree = parse(HELD[language], language, grammars()[language])
    found = [f"{each.kind} {each.qualified_name} {each.parameters}" for each in tree.scopes if each.callable]
    assert found == functions


def test_such_a_function_has_the_documentation_above_its_variable() -> None:
    assert full("// F adds.\nvar F = func() {}\n", "go").entities[0].documentation == "F adds."
    assert full("// Adds.\nconst auto f = [] {};\n", "cpp").entities[0].documentation == "Adds."
