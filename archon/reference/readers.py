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
def _tree(module: str) -> ast.Module:
    path = _file(module)
    assert path is not None
    return ast.parse(path.read_text())


@cache
def _file(module: str) -> Path | None:
    """The file of a module of ours; None for other modules."""
    path = _ROOT / module.replace(".", "/")
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in found if each.is_file()), None)


@cache
def _imports(module: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(_tree(module)):
        names: list[str] = []
        if module == _VERBS and isinstance(node, ast.Constant) and "." in str(node.value):
            names = [str(node.value)]
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [name for name in names if _file(name)]
    return found


@cache
def _mentioned(module: str) -> set[str]:
    """The attributes read from anything named settings; a method stands for the fields that it reads."""
    return {
        field
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute)
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
