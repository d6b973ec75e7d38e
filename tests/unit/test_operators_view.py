"""An operator's first view: links to the Web UI, the API page, logs that are JSON to the last line."""

import json
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings
from archon.runtime.temporal.attributes import keyword, query_of
from bridge.app import create_app

_WARNING = """
from archon.runtime.logs import configure_logging
from archon.runtime.settings import Settings
configure_logging(Settings(log_format="json"), "worker")
import subprocess, sys, warnings
warnings.warn("of a\\nlibrary")
subprocess.run([sys.executable, "-c", "import warnings; warnings.warn('of a process without logging')"])
"""


@pytest.mark.slow
def test_a_librarys_warning_is_a_line_of_json() -> None:
    ended = subprocess.run([sys.executable, "-c", _WARNING], capture_output=True, text=True, check=True)
    (line,) = map(json.loads, ended.stderr.splitlines())
    assert (line["event"], line["category"], line["reason"]) == ("warned", "UserWarning", "of a\nlibrary")


@pytest.mark.parametrize("project", ["p", "it's", "a & b?", "é" * 300])
def test_a_listing_links_to_its_projects_runs(project: str) -> None:
    url = Settings(temporal_ui_url="http://ui", temporal_namespace="n").workflows_url(
        query_of([project], EnrichmentStatus.FAILED)
    )
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "http://ui/namespaces/n/workflows"
    (query,) = parse_qs(parts.query)["query"]
    assert "EnrichmentStatus = 'parked'" in query
    assert keyword(project).replace("'", "\\'") in query


def test_a_query_for_all_projects_and_statuses_has_no_condition() -> None:
    assert (
        query_of(None, None) == query_of(None, EnrichmentStatus.PENDING) == "WorkflowType = 'EnrichDocument'"
    )


@pytest.mark.slow
def test_the_api_page_begins_with_documents_and_search() -> None:
    described = create_app(Settings()).openapi()
    order = [tag["name"] for tag in described["tags"]]
    assert order[:2] == ["documents", "search"]
    used = {tag for path in described["paths"].values() for each in path.values() for tag in each["tags"]}
    assert used == set(order)
