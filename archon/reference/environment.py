"""In: the fields of the settings. Out: an example environment file."""

from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from archon.runtime.secret_files import is_secret
from archon.runtime.settings import Settings

_HEAD: Final = (
    "# Every setting and its default, generated from archon/runtime/settings.py by `make schemas`.\n"
)


def example() -> str:
    """One commented line for each setting, below its description, in order of declaration."""
    return _HEAD + "".join(_entry(name, field) for name, field in Settings.model_fields.items())


def default_of(field: FieldInfo) -> str:
    """The default as written in the environment; empty if there is none, or if it is computed at run time."""
    return "" if field.default_factory is not None else _text(field.default)


def _entry(name: str, field: FieldInfo) -> str:
    meaning = "".join(f"\n# {line}" for line in (field.description or "").splitlines())
    file = f"#{name.upper()}_FILE=\n" if is_secret(field) else ""
    return f"{meaning}\n#{name.upper()}={default_of(field)}\n{file}"


def _text(default: Any) -> str:
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    return str(value).lower() if isinstance(value, bool) else str(value)
