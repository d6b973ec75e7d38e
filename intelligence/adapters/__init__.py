"""In: the name of a language that is not code. Out: the reader for its documents; each language is a file
here."""

from collections.abc import Callable, Mapping
from typing import Final

from intelligence.adapters import dockerfile, gomod, json_keys, sql, toml_keys, yaml_keys
from intelligence.adapters.outline import Outline

READERS: Final[Mapping[str, Callable[[str], Outline]]] = {
    "dockerfile": dockerfile.read,
    "gomod": gomod.read,
    "json": json_keys.read,
    "sql": sql.read,
    "toml": toml_keys.read,
    "yaml": yaml_keys.read,
}
