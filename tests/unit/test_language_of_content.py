"""The language by shebang, mode line and content, if the file name does not determine it."""

from pathlib import Path

import pytest

from archon.contracts.documents import DocumentSubmission
from archon.contracts.text.languages import language_in, language_of_file
from archon.contracts.types import DocumentType, EnrichmentType
from bridge.documents.normalise import normalise
from intelligence.analysis.analyser import analyse

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("#!/bin/sh", "bash"),
        ("#!/bin/dash -e", "bash"),
        ("#!/usr/bin/env bash", "bash"),
        ("#! /usr/bin/env -S FOO=1 deno run --allow-net", "typescript"),
        ("#!/usr/bin/env -S uv run --script", "python"),
        ("#!/usr/bin/env -S python3.11 -u", "python"),
        ("#!/usr/bin/python2.7", "python"),
        ("#!C:\\Python311\\python.exe", "python"),
        ("#!/usr/bin/env node", "javascript"),
        ("#!/usr/bin/env npx ts-node", "typescript"),
        ("#!/usr/bin/perl -w", "perl"),
        ("#!/usr/bin/env ruby", "ruby"),
        ("#!/usr/bin/php8.2", "php"),
        ("#!/usr/bin/env pwsh", "powershell"),
        ("#!/usr/bin/env Rscript", "r"),
        ("#!/usr/bin/env nix-shell\n#! nix-shell -i python3 -p python3", "python"),
        ("\ufeff#!/usr/bin/env python", "python"),
        ("#!/bin/sh\r", "bash"),
        ("#!/opt/tool/run", None),
        ("# -*- mode: python -*-", "python"),
        ("/* -*- Mode: C++; tab-width: 2 -*- */", "cpp"),
        ("// -*- typescript -*-", "typescript"),
        ("# -*- coding: utf-8 -*-", None),
        ("# vim: ft=ruby", "ruby"),
        ("/* vim: set ts=2 filetype=c : */", "c"),
        ("<?php echo 1;", "php"),
        ("<?xml version='1.0'?>", "xml"),
        ("<!DOCTYPE html>", "html"),
        ('{"a": 1}', "json"),
    ],
)
def test_the_first_line_determines_the_language(line: str, language: str | None) -> None:
    assert language_in(line + "\n") == language


def test_a_mode_line_at_the_end_determines_the_language() -> None:
    assert language_in("x\n" * 4000 + "# vim: set ts=2 ft=sh:\n") == "bash"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("import os\n\ndef main():\n    return os\n", "python"),
        ('package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println()\n}\n', "go"),
        ('#include <stdio.h>\n#include "a.h"\nint main(void) { return 0; }\n', "c"),
        ("use strict;\nuse warnings;\nmy $x = 1;\n", "perl"),
        ('FROM alpine:3\nRUN apk add git\nCMD ["sh"]\n', "dockerfile"),
        (
            "A licence.\n\nimport this software\nfrom here you may import it,\nand use it\nas you like\n" * 3,
            None,
        ),
        ("Read me first.\n\nThen go on.\n", None),
    ],
)
def test_clear_content_determines_the_language(text: str, language: str | None) -> None:
    assert language_in(text) == language


def test_scripts_without_a_suffix_have_a_language_and_entities() -> None:
    found = {}
    for path in (CASES / "10-shebang" / "bin").iterdir():
        text = path.read_text()
        submission = DocumentSubmission.model_validate({"project_id": "p", "source_path": f"bin/{path.name}"})
        document = normalise(submission, text)
        assert document.document_type is DocumentType.CODE
        # Also without a language from the client.
        entities = analyse(text, None, EnrichmentType.FULL).entities
        found[path.name] = (document.language, [each.name for each in entities])
    assert found == {
        "deploy": ("bash", ["deploy_all"]),
        "migrate": ("python", ["migrate_ledger"]),
        "tool": ("python", ["tool_entry"]),
    }


def test_a_telling_file_name_decides_first() -> None:
    submission = DocumentSubmission.model_validate({"project_id": "p", "source_path": "a.rb"})
    assert normalise(submission, "#!/usr/bin/env python\n").language == "ruby"


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n<TS version="2.1"></TS>\n',
        "\ufeff<!DOCTYPE TS><TS></TS>\n",
        '<TS version="2.1" language="de_DE">\n</TS>\n',
    ],
)
def test_a_translation_of_qt_is_no_typescript(text: str) -> None:
    assert language_of_file("i18n/app_de.ts", text) == "xml"


def test_a_name_decides_before_the_text() -> None:
    assert language_of_file("a.ts", "const a = <TS>(x: TS) => x;\n") == "typescript"
    assert language_of_file("a.ts", "<Thing>window.thing;\n") == "typescript"
    assert language_of_file("run", "#!/bin/sh\n") == "bash"
