"""In: NAME_FILE in the environment, for each secret NAME. Out: the file's content as that setting.

So that a secret may be mounted as a file, as container platforms do, and need not stand in the environment.
"""

import codecs
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from archon.contracts.errors import ConfigurationError


def is_secret(field: FieldInfo) -> bool:
    """Whether the value may come from a file."""
    return field.annotation is SecretStr


def for_a_header(secret: SecretStr) -> SecretStr:
    """A key as a header carries it (RFC 9110, section 5.5). Raises ValueError, which shows nothing of it."""
    if not re.fullmatch(r"[ -~]*", secret.get_secret_value()):
        raise ValueError("has characters that are not printable ASCII, which no key can have")
    return secret


def variable(field_name: str) -> str:
    """The variable of the environment that a setting comes from."""
    name = field_name.upper()
    return f"{name}_FILE" if not os.environ.get(name) and os.environ.get(f"{name}_FILE") else name


def _decoded(content: bytes) -> str:
    """Editors and shells of Windows put a byte order mark in front, and may write UTF-16."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_wide else "utf-8-sig")


class SecretFiles(PydanticBaseSettingsSource):
    """Raises ConfigurationError for a file that cannot be read, or a secret that is given twice."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One secret, without a byte order mark and the white space around it."""
        named = f"{field_name.upper()}_FILE"
        file = os.environ.get(named)
        if not file or not is_secret(field):
            return None, field_name, False
        if os.environ.get(field_name.upper()):
            raise ConfigurationError(f"{named}: {field_name.upper()} is set too; one of them is enough")
        try:
            secret = _decoded(Path(file).read_bytes()).strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigurationError(f"{named}: {file} cannot be read: {reason}") from error
        if any(unicodedata.category(each) == "Cc" for each in secret):
            raise ConfigurationError(f"{named}: {file} has more than one line, or control characters")
        return secret, field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}
