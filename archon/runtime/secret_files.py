"""In: NAME_FILE in the environment, for each secret NAME. Out: the file's content as that setting.

Container platforms mount secrets as files, so they need not be in the environment.
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
    """An API key valid in a header (RFC 9110, section 5.5). Raises ValueError, which does not reveal the
    key."""
    if not re.fullmatch(r"[ -~]*", secret.get_secret_value()):
        raise ValueError("contains characters other than printable ASCII")
    return secret


def variable(field_name: str) -> str:
    """The environment variable of a setting."""
    name = field_name.upper()
    return f"{name}_FILE" if not os.environ.get(name) and os.environ.get(f"{name}_FILE") else name


def _decoded(content: bytes) -> str:
    """Windows tools add a byte order mark, and may write UTF-16."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_wide else "utf-8-sig")


class SecretFiles(PydanticBaseSettingsSource):
    """Raises ConfigurationError for an unreadable file, or a secret that is given twice."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret, without byte order mark and surrounding white space."""
        named = f"{field_name.upper()}_FILE"
        file = os.environ.get(named)
        if not file or not is_secret(field):
            return None, field_name, False
        if os.environ.get(field_name.upper()):
            raise ConfigurationError(f"{named}: {field_name.upper()} is also set; set only one of them")
        try:
            secret = _decoded(Path(file).read_bytes()).strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ConfigurationError(f"{named}: {file} cannot be read: {reason}") from error
        if any(unicodedata.category(each) == "Cc" for each in secret):
            raise ConfigurationError(f"{named}: {file} has more than one line, or control characters")
        return secret, field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}
