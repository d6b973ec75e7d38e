"""docs/architecture.md compared with the code: the steps that it names, and the rooms."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PRODUCT = ("activities", "archon", "bridge", "intelligence", "kafka_ingress", "workflows")
STEPS = re.findall(r"\]\(\.\./([a-z_/]+\.py)\) `(\w+)`", PAGE)


def defined(tree: ast.Module) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    constants = {
        each.target.id
        for each in tree.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    return constants | {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_a_document_meets_so_many_steps() -> None:
    assert len(re.findall(r"^\d+\. ", PAGE, re.MULTILINE)) == 18
    assert len(STEPS) == 42


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_a_step_is_defined_in_its_file(file: str, name: str) -> None:
    assert name in defined(ast.parse((ROOT / file).read_text()))


def test_every_room_is_in_the_list_and_no_other() -> None:
    listed = re.findall(r"^- \[([\w/.]+)\]\(\.\./([\w/.]+)\): ", PAGE, re.MULTILINE)
    assert all(shown == link for shown, link in listed)
    found = {str(file.parent.relative_to(ROOT)) for each in PRODUCT for file in (ROOT / each).rglob("*.py")}
    assert sorted(room for room, _ in listed if room != "worker.py") == sorted(found - {"archon"})
