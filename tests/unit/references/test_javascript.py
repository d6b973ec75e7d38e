"""In: JavaScript and TypeScript documents. Out: what their names mean to each other."""

import json

import pytest

from archon.references.port import Changes
from tests.unit.references.maps import FRESH, called_by, calls, document, project

STORE = document(
    "packages/core/src/store.ts",
    [
        "class Store",
        "method Store.save",
        "method Store.flush",
        "function open -> Store",
        "function main as default",
    ],
    ["call this.save in Store.flush"],
)
INDEX = document(
    "packages/core/src/index.ts",
    bound=["export - = ./store *", "export Shop = ./store Store", "export default = ./store default"],
)
CORE = document(
    "packages/core/package.json",
    settings=json.dumps(
        {
            "package": {
                "name": "@acme/core",
                "main": "dist/index.js",
                "exports": {".": "./dist/index.js", "./*": "./src/*.ts"},
            }
        }
    ),
)
CONFIG = document(
    "tsconfig.base.json",
    settings=json.dumps(
        {
            "tsconfig": {
                "compilerOptions": {
                    "baseUrl": ".",
                    "paths": {"@core/*": ["packages/core/src/*"], "core": ["packages/core/src"]},
                }
            }
        }
    ),
)
OWN_CONFIG = document(
    "apps/web/tsconfig.json", settings=json.dumps({"tsconfig": {"extends": "../../tsconfig.base.json"}})
)
PROJECT = (STORE, INDEX, CORE, CONFIG, OWN_CONFIG)


def user(*bound: str, path: str = "apps/web/src/app.ts"):
    return document(
        path,
        ["function run"],
        ["new Store in run", "call store.flush in run"],
        bound,
        ["store = Store in run"],
    )


@pytest.mark.parametrize(
    "bound",
    [
        "Store = ../../../packages/core/src/store Store",
        "Store = ../../../packages/core/src/store.js Store",
        "Store = ../../../packages/core/src Store",
        "Store = ../../../packages/core/src/index Shop",
        "Store = @core/store Store",
        "Store = core Store",
        "Store = @acme/core Shop",
        "Store = @acme/core/store Store",
    ],
)
def test_imports_are_resolved_along_paths_configurations_and_packages(bound):
    index = project(*PROJECT, user(bound))
    assert called_by(index, "Store") == {
        "run": ("import", 0.98),
        "open": ("same_document", 1.0),
    } or called_by(index, "Store") == {"run": ("import", 0.98)}
    assert called_by(index, "flush") == {"run": ("typed", 0.95)}


@pytest.mark.parametrize(
    "bound", ["Store = acme Store", "Store = ./store Store", "Store = @acme/other Store"]
)
def test_imports_from_outside_lead_nowhere(bound):
    index = project(*PROJECT, user(bound))
    assert called_by(index, "Store") == {}


@pytest.mark.parametrize(
    "bound",
    [
        "begin = ../../core/src/store default",
        "begin = @acme/core default",
        "begin = ../../core/src default",
        "begin = ../../core/src/store ",
    ],
)
def test_default_exports_have_the_names_that_importers_give_them(bound):
    main = document("packages/other/src/main.ts", ["function run"], ["call begin in run"], [bound])
    index = project(*PROJECT, main)
    assert called_by(index, "main") == {"run": ("import", 0.98)}


def test_namespaces_and_this():
    main = document(
        "packages/core/src/main.ts",
        ["function run"],
        ["call ns.open in run", "call ns.open().flush in run"],
        ["ns = ./index *"],
    )
    index = project(*PROJECT, main)
    assert calls(index, "run", least=0.9).keys() == {"open", "Store.flush"}
    assert called_by(index, "save") == {"Store.flush": ("same_document", 1.0)}


def test_a_file_is_taken_before_an_index_and_a_source_before_its_output():
    main = document("src/main.ts", ["function run"], ["call f in run"], ["f = ./a f"])
    index = project(
        main,
        document("src/a/index.ts", ["function f as f"]),
        document("src/a.ts", ["function f"]),
        document("src/a.js", ["function f"]),
    )
    (found,) = calls(index, "run").values()
    assert found == ("import", 0.98)


def test_own_package_and_its_private_imports():
    package = document(
        "package.json",
        settings=json.dumps({"package": {"name": "me", "imports": {"#lib/*": {"default": "./lib/*.js"}}}}),
    )
    main = document(
        "src/main.js",
        ["function run"],
        ["call f in run", "call g in run"],
        ["f = #lib/a f", "g = me/lib/a.js g"],
    )
    index = project(package, main, document("lib/a.js", ["function f", "function g"]))
    assert calls(index, "run").keys() == {"f", "g"}


def test_overrides_are_found_by_the_class_of_the_receiver():
    base = document("a.ts", ["class A", "method A.draw", "method A.all"], ["call this.draw in A.all"])
    derived = document(
        "b.ts",
        ["class B", "method B.draw", "method B.more"],
        [
            "inherit A in B",
            "call super.draw in B.draw",
            "call this.all in B.more",
            "call this.draw in B.more",
        ],
        ["A = ./a A"],
    )
    index = project(derived, base)
    assert called_by(index, "A.draw") == {"A.all": ("same_document", 1.0), "B.draw": ("inherited", 0.93)}
    assert called_by(index, "B.draw") == {"B.more": ("same_document", 1.0)}
    assert called_by(index, "A.all") == {"B.more": ("inherited", 0.93)}


def test_a_configuration_that_comes_later_is_extended():
    config = settings_at("tsconfig.json", extends="./config/base")
    base = settings_at(
        "config/base.json", compilerOptions={"paths": {"core": ["../packages/core/src/store"]}}
    )
    index = project(STORE, config, base, user("Store = core Store", path="app.ts"))
    assert "run" in called_by(index, "Store")
    index.apply(Changes([document("config/base")], [], "2", FRESH))
    assert "run" not in called_by(index, "Store")


def settings_at(path: str, **tsconfig):
    return document(path, settings=json.dumps({"tsconfig": tsconfig}))


def test_a_called_module_without_a_default_is_unknown():
    index = project(
        document("lib.ts", ["class Store", "method Store.keep"]),
        document("app.ts", ["function run"], ["call lib().keep in run"], ["lib = ./lib"]),
    )
    assert called_by(index, "keep") == {"run": ("unique_name", 0.6)}
