"""Outputs of notebooks are never indexed, so an image does not exclude a notebook."""

import json
from pathlib import Path
from typing import Any

import pytest

from archon.cli.files.walk import Walk
from archon.contracts.text.notebooks import read, without_outputs

CASE = Path(__file__).parents[1] / "cases" / "12-notebook" / "churn.ipynb"
PICTURE = "iVBORw0KGgo" * 140_000


def notebook(picture: str = PICTURE, source: str = "x = 1\ny = 2\n") -> dict[str, Any]:
    data = {"image/png": picture, "text/plain": ["[{", '"outputs": [']}
    shown = {"output_type": "display_data", "data": data}
    prose = {"cell_type": "markdown", "source": ["![a](attachment:a.png)"], "metadata": {}}
    code = {"cell_type": "code", "outputs": [shown, shown], "source": source, "metadata": {"outputs": [1]}}
    return {
        "cells": [{**prose, "attachments": {"a.png": {"image/png": picture}}}, code, prose],
        "metadata": {"kernelspec": {"language": "python"}, "outputs": ["kept"]},
        "nbformat": 4,
    }


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_cells_keep_their_lines_without_what_they_have_put_out(indent: int | None, ends: str) -> None:
    text = json.dumps(notebook(), indent=indent).replace("\n", ends)
    left = without_outputs(text)
    assert len(left) < 1000
    assert read(left) == read(text)
    found = json.loads(left)
    assert [cell.get("outputs", cell.get("attachments")) for cell in found["cells"]] == [{}, [], None]
    assert found["metadata"]["outputs"] == ["kept"]
    assert without_outputs(left) == left


def test_a_notebook_keeps_its_cells() -> None:
    text = CASE.read_text()
    assert read(without_outputs(text)) == read(text)


def test_the_worksheets_of_format_3_are_notebooks_too() -> None:
    text = json.dumps({"worksheets": [{"cells": notebook()["cells"]}], "nbformat": 3})
    assert len(without_outputs(text)) < 1000


@pytest.mark.parametrize("length", [0, 1, 100, 200, 600])
def test_a_truncated_notebook_is_kept_as_text(length: int) -> None:
    text = json.dumps(notebook("p"))[:length]
    assert without_outputs(text) == text


@pytest.mark.slow
def test_pictures_do_not_make_a_notebook_too_large(tmp_path: Path) -> None:
    (tmp_path / "plot.ipynb").write_text(json.dumps(notebook()))
    (tmp_path / "long.ipynb").write_text(json.dumps(notebook("", "x = 1\n" * 200_000)))
    (tmp_path / "plot.json").write_text(json.dumps(notebook()))
    walk = Walk(tmp_path)
    (file,) = walk
    assert (file.path, file.size) == ("plot.ipynb", (tmp_path / "plot.ipynb").stat().st_size)
    assert "x = 1" in file.text
    assert PICTURE not in file.text
    assert dict(walk.skipped.listed()) == {"long.ipynb": "too large", "plot.json": "too large"}
    (tmp_path / "plot.ipynb").write_text(json.dumps(notebook(PICTURE * 40)))
    assert list(Walk(tmp_path)) == []
