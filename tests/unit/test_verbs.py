"""The verbs of the command line: their listing, and its imports."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from archon.cli.main import app
from archon.cli.verbs import SERVICES, VERBS, Verb

HEAVY = ("aiohttp", "aiokafka", "fastapi", "neo4j", "numpy", "qdrant_client", "temporalio")


@pytest.mark.parametrize("verb", VERBS, ids=[verb.name for verb in VERBS])
def test_a_verb_is_listed_with_the_words_of_its_own_help(verb: Verb) -> None:
    command = verb.load()
    assert command.name == verb.name
    assert " ".join((command.help or "").split("\n\n")[0].split()) == verb.help


@pytest.mark.slow
def test_listing_them_imports_nothing_that_runs_them() -> None:
    code = (
        "import sys\nfrom archon.cli.main import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n"
        f"    print('loaded', sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stderr.strip() == "loaded []"
    assert all(verb.name in finished.stdout for verb in VERBS)


def test_a_verb_that_is_none_is_answered_with_those_that_may_be_meant() -> None:
    answer = CliRunner().invoke(app, ["serch"])
    assert answer.exit_code == 2
    assert "Did you mean 'search'" in answer.output


def test_services_are_verbs() -> None:
    assert {"bridge", "ingress", "worker", "intelligence"} == SERVICES
