"""In: the bytes of a message that failed. Out: what its dead letter keeps of it."""

import base64
import json
from typing import Any, Final

from blake3 import blake3

ORIGINAL_BYTES: Final = 256 * 1024
"""How much of a message a dead letter carries."""


def original_message(value: bytes | None) -> Any:
    """The message as a JSON object where it is one of bearable size, else its bytes in base64."""
    if value is None:
        return None
    if len(value) <= ORIGINAL_BYTES:
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, dict):
            return parsed
    return {
        "base64": base64.b64encode(value[:ORIGINAL_BYTES]).decode(),
        "size": len(value),
        "blake3": blake3(value).hexdigest(),
        "truncated": len(value) > ORIGINAL_BYTES,
    }
