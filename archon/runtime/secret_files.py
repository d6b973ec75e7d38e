"""In: NAME_FILE in the environment, for each secret NAME. Out: the file's content as that setting.

So that a secret may be mounted as a file, as container platforms do, and need not stand in the environment.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from archon.contracts.errors import ConfigurationError


def is_secret(field: FieldInfo) -> bool:
    """Whether the value may come from a file."""
    return field.annotation is SecretStr


class SecretFiles(PydanticBaseSettingsSource):
    """Raises ConfigurationError for a file that cannot be read, or a secret that is given twice."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One secret, stripped of the white space around it."""
        variable = f"{field_name.upper()}_FILE"
        file = os.environ.get(variable)
        if not file or not is_secret(field):
            return None, field_name, False
        if os.environ.get(field_name.upper()):
            raise ConfigurationError(f"{variable}: {field_name.upper()} is set too; one of them is enough")
        try:
            return Path(file).read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{variable}: {file} cannot be read: {error}") from error

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}
