"""In: text that others wrote. Out: the same text in Markdown that means nothing but itself.

Temporal's Web UI shows summaries and details as Markdown (CommonMark, with GitHub's bare links): a path could
be a link there, an image that tells its owner who looks, or HTML.
"""

import re
from typing import Final

_SIGNS: Final = re.compile(r"[\\`*\[\]<>]|(?<=:)//|(?i:(?<=\bwww)\.)|@")


def plain(text: str) -> str:
    """On one line, with a backslash before what would be read as a sign (CommonMark 0.31, section 2.4)."""
    return _SIGNS.sub(lambda sign: f"\\{sign[0]}", " ".join(text.split()))
