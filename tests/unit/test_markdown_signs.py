"""Names from outside, in the Markdown of Temporal's Web UI."""

import re

import pytest
from markdown_it import MarkdownIt

from archon.contracts.text.markdown import plain

pytestmark = pytest.mark.threat
READER = MarkdownIt("commonmark", {"html": True})
TAGS = ("<a", "<img", "<code", "<em>stress", "<h1", "<li", "<b>", "<strong>more")


@pytest.mark.parametrize(
    "text",
    [
        "src/app.py",
        "a/b_c/__init__.py",
        "[click](http://attacker.example)",
        "![seen](https://attacker.example/pixel.png)",
        "<img src=x onerror=alert(1)>",
        "<http://attacker.example>",
        "http://attacker.example/x",
        "HTTPS://attacker.example/x",
        "www.attacker.example",
        "WWW.attacker.example",
        "mail@attacker.example",
        "<mail@attacker.example>",
        "`code` and *stress* and **more**",
        "a\\b\\[c](d)",
        "a\n\n# heading\n- list",
        "&lt;b&gt;",
        "[a]: http://attacker.example",
    ],
)
def test_a_plain_sign_stays_plain(text: str) -> None:
    shown = READER.render(f"x {plain(text)}")
    assert not any(tag in shown for tag in TAGS)
    # Bare links are GitHub's extension, which this reader does not support.
    assert not re.search(r"://|www\.|[^\\]@", plain(text), re.IGNORECASE)
    for part in ("attacker.example", "app.py"):
        assert (part in shown) == (part in text)
