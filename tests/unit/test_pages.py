"""What can be said of the pages' commands without a stack."""

import re
from pathlib import Path
from tempfile import mkdtemp

import pytest

from archon.cli.ingest.report import SNIPPET_LINES as PRINTED_LINES
from archon.cli.stack.env_file import exported
from archon.devstack.stack import Ports, environment
from archon.runtime.settings import Settings
from bridge.documents.search import SNIPPET_LINES
from tests.pages import OTHERS, PAGES, ROOT, SESSION, SHELL, commands, fences, parses

NAMES = set(exported(Path(), environment(Path(mkdtemp()), Ports()), Settings()))
OF_THE_SHELL = {"id", "url"}
"""Variables of a loop."""


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_holds(page: str) -> None:
    assert {tag for tag, _ in fences(page)} <= {SHELL, SESSION, *OTHERS}


@pytest.mark.parametrize("page", PAGES)
def test_commands_name_no_address_but_by_what_env_exports(page: str) -> None:
    found = commands(page)
    assert found
    for command in found:
        assert parses(command), command
        assert not re.search(r"localhost|127\.0\.0\.1|:\d{4}\b", command), command
        unquoted = re.sub(r"'[^']*'", "", command)
        assert set(re.findall(r"\$\{?([A-Za-z_]+)", unquoted)) <= NAMES | OF_THE_SHELL, command


@pytest.mark.parametrize("page", PAGES)
def test_every_curl_has_a_time_limit(page: str) -> None:
    for command in commands(page):
        for call in re.findall(r"\bcurl\b[^|;]*", command):
            assert re.search(r" -[A-Za-z]*m \d+| --max-time \d+", call), command


def test_the_page_of_search_counts_a_hits_lines_as_the_code_does() -> None:
    words = {4: "four", 12: "twelve"}
    text = (ROOT / "docs/search.md").read_text()
    assert f"the first {words[SNIPPET_LINES]} of its lines" in text
    assert f"prints the first {words[PRINTED_LINES]}" in text
