"""In: untrusted text. Out: the same text, escaped so that Markdown shows it literally.

Temporal's Web UI renders summaries and details as Markdown (CommonMark, with GitHub's bare links). An
unescaped path could become a link, HTML, or an image that reveals the viewer to its owner.
"""

import re
from typing import Final

_SIGNS: Final = re.compile(r"[\\`*\[\]<>]|(?<=:)//|(?i:(?<=\bwww)\.)|@")


def plain(text: str) -> str:
    """The text on one line, with a backslash before each character with a meaning in Markdown (CommonMark
    0.31, section 2.4)."""
    return _SIGNS.sub(lambda sign: f"\\{sign[0]}", " ".join(text.split()))
