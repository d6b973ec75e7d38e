"""In: a configuration file, by its content. Out: what decides where imports lead, as JSON.

An analysis does not know the path of its document; who reads the settings compares the path.
"""

import json
import re
from typing import Any, Final

from archon.contracts.code.references import CodeMap
from intelligence.adapters.gomod import MODULE, REPLACED

_CHARACTERS: Final = 200_000
_SETTINGS: Final = 50_000
_PACKAGE: Final = ("name", "exports", "imports", "main", "module", "types", "typings", "workspaces", "type")
_PACKAGE_SIGNS: Final = frozenset(
    {"name", "exports", "main", "module", "dependencies", "devDependencies", "workspaces"}
)
_OPTIONS: Final = ("baseUrl", "paths", "rootDir", "rootDirs", "outDir")
_TOKENS: Final = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])', re.DOTALL
)


def settings_in(text: str, language: str | None) -> CodeMap | None:
    """A map with settings only; None if the document has none."""
    found: dict[str, Any] = {}
    if language == "json" and len(text) <= _CHARACTERS:
        found = _of_json(text)
    elif language == "gomod" and (module := MODULE.search(text)):
        replaced = {old: new for old, new in REPLACED.findall(text[:_CHARACTERS]) if new.startswith(".")}
        found = {"gomod": {"module": module[1], "replace": replaced}}
    written = json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""
    return CodeMap([], [], [], [], settings=written) if 0 < len(written) <= _SETTINGS else None


def _of_json(text: str) -> dict[str, Any]:
    if not any(f'"{sign}"' in text for sign in (*_PACKAGE_SIGNS, "compilerOptions", "extends")):
        return {}
    try:
        # Comments and commas before a closing bracket, which tsconfig.json may have.
        content = json.loads(_TOKENS.sub(lambda each: each[0] if each[0][0] == '"' else "", text))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    found: dict[str, Any] = {}
    options = content.get("compilerOptions")
    if isinstance(options, dict) or "extends" in content:
        chosen = (
            {key: options[key] for key in _OPTIONS if key in options} if isinstance(options, dict) else {}
        )
        found["tsconfig"] = {**({"extends": content["extends"]} if "extends" in content else {}), **chosen}
    if not _PACKAGE_SIGNS.isdisjoint(content):
        found["package"] = {key: content[key] for key in _PACKAGE if key in content}
    return found
