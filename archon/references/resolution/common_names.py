"""In: common_names.txt. Out: names of methods that say nothing about an unknown receiver, because libraries
have them."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_PYTHON: Final = (str, bytes, bytearray, list, dict, set, frozenset, tuple, int, float, object, type, range)


def _read() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    family = ""
    for line in files(__package__).joinpath("common_names.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            family = line.strip("[]")
        elif not line.startswith("#"):
            found.setdefault(family, set()).update(line.split())
    found["python"].update(name for each in _PYTHON for name in dir(each))
    return {family: frozenset(names) for family, names in found.items() if family}


COMMON: Final = _read()
OTHERS: Final = frozenset({each.lower() for group in COMMON.values() for each in group})
"""For all other languages, in lower case."""


def is_common(family: str, name: str) -> bool:
    """Whether a method of this name is more likely one of a library than the project's."""
    known = COMMON.get(family)
    return name in known if known is not None else name.lower().replace("_", "") in OTHERS
