"""JavaScript functions assigned to a variable, a field or an object, or passed to a wrapping call."""

import pytest

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
def test_functions_are_those_of_what_they_are_given_to(language: str, text: str, names: list[str]) -> None:
    result = full(text, language)
    assert [each.qualified_name for each in result.entities] == names
    assert result.not_understood == 0


def test_what_only_typescript_has_hides_nothing() -> None:
    text = "class S { private save = debounce(async () => {}, 5) as F }\nconst svc = { a() {} } as const\n"
    assert [each.qualified_name for each in full(text, "typescript").entities] == ["S", "S.save", "svc.a"]
