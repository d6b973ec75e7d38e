"""In: Java documents. Out: what their names mean to each other."""

from tests.unit.references.maps import called_by, calls, document, project

BASE = document(
    "src/main/java/shop/core/Base.java",
    ["class Base", "method Base.close", "class Base.Builder", "method Base.Builder.build -> Base"],
    package="shop.core",
)
STORE = document(
    "src/main/java/shop/core/Store.java",
    ["class Store", "method Store.save", "method Store.open -> Store", "attribute Store.base"],
    ["inherit Base in Store", "call this.close in Store.save", "call this.base.close in Store.open"],
    typed=["this.base: Base in Store"],
    package="shop.core",
)


def main(*bound: str, path: str = "src/main/java/shop/app/Main.java", package: str = "shop.app"):
    return document(
        path,
        ["class Main", "method Main.run"],
        ["call Store.open in Main.run", "call s.save in Main.run", "new Store in Main.run"],
        bound,
        ["s: Store in Main.run"],
        package=package,
    )


def test_imports_wildcards_packages_and_qualified_names():
    for each in (
        main("Store = shop.core Store"),
        main("Store = shop.core.Store "),
        main("- = shop.core *"),
        main(path="src/test/java/shop/core/MainTest.java", package="shop.core"),
    ):
        index = project(each, STORE, BASE)
        assert calls(index, "Main.run", least=0.9).keys() == {"Store", "Store.open", "Store.save"}, each


def test_a_type_of_another_package_is_not_seen():
    index = project(main("Store = java.util Store"), STORE, BASE)
    assert calls(index, "Main.run") == {}


def test_members_come_from_the_bases():
    index = project(STORE, BASE)
    assert called_by(index, "Base.close") == {
        "Store.save": ("inherited", 0.93),
        "Store.open": ("typed", 0.95),
    }


def test_static_imports_and_nested_types():
    user = document(
        "src/main/java/shop/app/A.java",
        ["class A", "method A.run", "method A.own"],
        [
            "call open in A.run",
            "new Builder in A.run",
            "call b.build in A.run",
            "call b.build().close in A.run",
        ],
        ["open = shop.core.Store open", "Builder = shop.core.Base Builder"],
        ["b: Builder in A.run"],
        package="shop.app",
    )
    index = project(user, STORE, BASE)
    found = calls(index, "A.run", least=0.9)
    assert found.keys() == {"Store.open", "Base.Builder", "Base.Builder.build", "Base.close"}


def test_overloads_share_the_confidence():
    two = document(
        "X.java",
        ["class X", "method X.put", "method X.put", "method X.all"],
        ["call this.put in X.all"],
        package="x",
    )
    index = project(two)
    assert set(calls(index, "X.all").values()) == {("ambiguous", 0.5)}
