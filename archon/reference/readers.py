"""In: the source. Out: the services that may read each setting.

A service may read every setting mentioned in a module that it imports, directly or not. The result may list
too many services, but never too few.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import archon
from archon.runtime import settings as settings_module
from archon.runtime.settings import Settings

_ROOT: Final = Path(archon.__file__).parents[1]
SERVICES: Final[Mapping[str, str]] = {
    "bridge": "bridge.app",
    "ingress": "kafka_ingress.service",
    "worker": "worker",
    "intelligence": "intelligence.app",
    "enrich": "archon.cli.main",
}
"""The root module of each; `enrich` is the command line without the services that it starts."""
_VERBS: Final = "archon.cli.verbs"
"""Contains the names of the modules that it imports on demand."""


@cache
def readers() -> Mapping[str, list[str]]:
    """The services of each setting, in the order of SERVICES."""
    read = {service: settings_read_by(root) for service, root in SERVICES.items()}
    return {
        name: [service for service, names in read.items() if name in names] for name in Settings.model_fields
    }


def settings_read_by(root: str) -> set[str]:
    """The settings that a module and its imports mention."""
    modules, waiting = {settings_module.__name__}, [root]
    while waiting:
        module = waiting.pop()
        if module not in modules:
            modules.add(module)
            waiting += _imports(module)
    return {name for module in modules - {settings_module.__name__} for name in _mentioned(module)}


@cache
def _source(module: str) -> str:
    path = _file(module)
    assert path is not None
    return path.read_text()


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module))


@cache
def _file(module: str) -> Path | None:
    """The file of a module of ours; None for other modules."""
    path = _ROOT / module.replace(".", "/")
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in found if each.is_file()), None)


@cache
def _imports(module: str) -> list[str]:
    found: list[str] = []
    if module == _VERBS:
        constants = (node.value for node in ast.walk(_tree(module)) if isinstance(node, ast.Constant))
        found += [str(value) for value in constants if "." in str(value)]
    for node in _statements(_tree(module)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if _file(name)]


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Without the expressions, which are most of a tree and import nothing."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += (
            each
            for each in ast.iter_child_nodes(node)
            if isinstance(each, ast.stmt | ast.excepthandler | ast.match_case)
        )


@cache
def _mentioned(module: str) -> set[str]:
    """The attributes read from anything named settings; a method stands for the fields that it reads."""
    if "settings" not in _source(module).lower():
        return set()
    return {
        field
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute)
        and (node.attr in Settings.model_fields or node.attr in _methods())
        and ast.unparse(node.value).lower().endswith(("settings", "settings()"))
        for field in _fields(node.attr)
    }


def _fields(name: str) -> Iterator[str]:
    methods = _methods()
    if name in methods:
        for read in methods[name]:
            yield from _fields(read)
    else:
        yield name


@cache
def _methods() -> Mapping[str, set[str]]:
    """The fields that each method of Settings reads, by method name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(_tree(settings_module.__name__)):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = {
                each.attr
                for each in ast.walk(node)
                if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "self"
            }
    return found
