"""In: Python documents. Out: what their names mean to each other."""

from tests.unit.references.maps import called_by, calls, document, project

STORE = document(
    "src/app/store.py",
    [
        "class Base",
        "function Base.close",
        "class Store",
        "function Store.save",
        "function Store.open -> Self",
    ],
    ["inherit Base in Store", "call self.save in Store.open", "call self.close in Store.open"],
)
INIT = document("src/app/__init__.py", bound=["export Store = .store Store"])


def test_own_and_inherited_methods_are_found_through_self():
    index = project(STORE)
    assert called_by(index, "Store.save") == {"Store.open": ("same_document", 1.0)}
    assert called_by(index, "Base.close") == {"Store.open": ("inherited", 0.93)}


def test_an_import_leads_through_an_init_that_exports_again():
    main = document(
        "src/app/main.py",
        ["function run"],
        ["call Shop in run", "call shop.save in run", "call shop.open().close in run"],
        ["export Shop = . Store"],
        ["shop = Shop in run"],
    )
    index = project(main, INIT, STORE)
    assert called_by(index, "Store") == {"run": ("import", 0.98)}
    assert called_by(index, "Store.save")["run"] == ("typed", 0.95)
    assert called_by(index, "close")["run"] == ("inherited", 0.92)
    assert calls(index, "run").keys() == {"Store", "Store.save", "Store.open", "Base.close"} - {"Store.open"}


def test_modules_are_found_by_alias_and_by_dotted_name():
    main = document(
        "src/app/main.py",
        ["function one", "function two", "function three"],
        ["call st.Store in one", "call app.store.Store.open in two", "call store.Store in three"],
        ["export st = app.store ", "export app = app.store ", "export store = app store"],
    )
    index = project(INIT, STORE, main)
    assert called_by(index, "Store", least=0.9).keys() == {"one", "two", "three"}
    assert called_by(index, "Store.open", least=0.9).keys() == {"two"}


def test_star_imports_take_what_all_lists():
    wide = document("app/wide.py", ["function a", "function b", "function _c"], settings='{"all": ["a"]}')
    main = document(
        "app/main.py",
        ["function run"],
        ["call a in run", "call b in run", "call _c in run"],
        ["export - = .wide *"],
    )
    index = project(wide, main, document("app/__init__.py"))
    assert calls(index, "run") == {"a": ("import", 0.96)}


def test_names_from_outside_are_no_symbols_of_the_project():
    ours = document("app/requests.py", ["function get", "class Session", "function Session.fetch_all"])
    main = document(
        "app/main.py",
        ["function run"],
        ["call httpx.get in run", "call Session in run", "call session.fetch_all in run", "call get in run"],
        ["export httpx = httpx ", "export Session = requests Session"],
        ["session = Session in run"],
    )
    index = project(ours, main, document("app/__init__.py"))
    assert calls(index, "run") == {}


def test_an_unknown_receiver_means_the_only_method_of_an_uncommon_name():
    ours = document("a.py", ["class A", "function A.reconcile", "function A.get", "function A.twice"])
    other = document("b.py", ["class B", "function B.twice"])
    main = document(
        "c.py", ["function run"], ["call ?.reconcile in run", "call ?.get in run", "call ?.twice in run"]
    )
    index = project(ours, other, main)
    assert calls(index, "run") == {
        "A.reconcile": ("unique_name", 0.6),
        "A.twice": ("ambiguous", 0.25),
        "B.twice": ("ambiguous", 0.25),
    }


def test_attributes_are_followed_by_their_types():
    main = document(
        "src/app/main.py",
        ["class App", "function App.run", "attribute App.store", "class Special", "function Special.more"],
        [
            "call self.store.save in App.run",
            "call self.stores[].save in App.run",
            "call each.open in App.run",
            "inherit App in Special",
            "call self.store.open in Special.more",
            "call super().run in Special.more",
        ],
        ["export Store = .store Store"],
        [
            "self.store: Store in App",
            "self.stores: []Store in App",
            "each := self.stores* in App.run",
        ],
    )
    index = project(STORE, INIT, main)
    assert called_by(index, "Store.save", least=0.9).keys() == {"Store.open", "App.run"}
    assert called_by(index, "Store.open", least=0.9).keys() == {"App.run", "Special.more"}
    assert called_by(index, "App.run") == {"Special.more": ("inherited", 0.93)}


def test_properties_and_overloads_are_one_symbol():
    ours = document(
        "a.py",
        ["class A", "function A.size -> B", "function A.size", "class B", "function B.grow", "function use"],
        ["decorate property in A.size", "decorate size.setter in A.size", "call a.size.grow in use"],
        typed=["a: A in use"],
    )
    # The helper gives both decorators to the last one; the getter has none.
    index = project(ours)
    assert called_by(index, "B.grow").keys() == {"use"}


def test_a_circle_of_imports_ends():
    a = document(
        "a.py", bound=["export - = b *", "export x = b x"], declared=["function f"], referred=["call x in f"]
    )
    b = document("b.py", bound=["export - = a *", "export x = a x"])
    index = project(a, b)
    assert calls(index, "f") == {}
