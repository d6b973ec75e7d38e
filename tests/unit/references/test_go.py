"""In: Go documents. Out: what their names mean to each other."""

import json

from tests.unit.references.maps import called_by, calls, document, project

MODULE = document("go.mod", settings=json.dumps({"gomod": {"module": "example.com/shop"}}))
TYPES = document(
    "store/types.go",
    ["struct Store", "struct Cache", "method Cache.Evict"],
    ["inherit Cache in Store"],
    package="store",
)
METHODS = document(
    "store/methods.go",
    ["method Store.Save", "method Store.flush", "function New -> Store"],
    ["call s.flush in Store.Save", "call s.Evict in Store.flush", "use Store in New"],
    typed=["s: Store in Store.Save", "s: Store in Store.flush"],
    package="store",
)


def test_methods_are_found_in_all_documents_of_the_package():
    index = project(METHODS, MODULE, TYPES)
    assert called_by(index, "Store.flush", least=0.9).keys() == {"Store.Save"}
    assert called_by(index, "Cache.Evict") == {"Store.flush": ("inherited", 0.93)}
    assert called_by(index, "Store") == {"New": ("same_package", 0.97)}


def test_imported_packages_lead_to_their_directory():
    main = document(
        "cmd/main.go",
        ["function main"],
        ["call store.New in main", "call st.Save in main", "call fmt.New in main", "call len in main"],
        ["store = example.com/shop/store ", "fmt = fmt "],
        ["st = store.New in main"],
        package="main",
    )
    index = project(
        main, METHODS, TYPES, MODULE, document("fmt/x.go", ["function New", "function len"], package="fmt")
    )
    assert calls(index, "main") == {"New": ("import", 0.98), "Store.Save": ("typed", 0.92)}


def test_tests_of_a_package_see_it_and_it_does_not_see_them():
    test = document(
        "store/store_test.go",
        ["function TestSave", "function helper"],
        ["call New in TestSave", "call helper in TestSave"],
        package="store",
    )
    index = project(METHODS, TYPES, MODULE, test)
    assert calls(index, "TestSave").keys() == {"New", "helper"}


def test_an_interface_has_its_methods():
    ports = document(
        "ports/ports.go",
        ["interface Saver", "method Saver.Save", "function Run"],
        ["call s.Save in Run"],
        typed=["s: Saver in Run"],
        package="ports",
    )
    index = project(ports, MODULE, METHODS, TYPES)
    assert called_by(index, "Saver.Save") == {"Run": ("typed", 0.95)}
