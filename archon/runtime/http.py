"""In: secrets and answers. Out: what our HTTP clients say and understand alike: bearer keys, Retry-After."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import SecretStr


def bearer(key: SecretStr) -> dict[str, str]:
    """The header that shows `key` (RFC 6750, section 2.1); none where it is empty."""
    return {"authorization": f"Bearer {secret}"} if (secret := key.get_secret_value()) else {}


def retry_after(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header, a number or an HTTP date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
