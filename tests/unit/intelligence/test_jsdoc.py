"""In: JavaScript below a JSDoc comment. Out: its function's documentation, without tags."""

import pytest

from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse


def documentation(comment: str, language: str = "javascript") -> str | None:
    (entity,) = analyse(f"{comment}\nfunction f(a) {{}}\n", language, EnrichmentType.ENTITIES_ONLY).entities
    return entity.documentation


def jsdoc(*lines: str) -> str:
    return "\n".join(["/**", *(f" * {line}" for line in lines), " */"])


@pytest.mark.parametrize(
    "tag",
    [
        "@param {string} a the list",
        "@param {Array<{name: string, at: {x: number}}>} a nested braces",
        "@param {(string|number)[]} [a=1] a union of arrays",
        "@returns {Promise<Map<string, T[]>>} generics",
        "@type {import('./m').T}",
        "@typedef {Object} Options",
        "@extends {Base<T>}",
        "@template T",
        "@param {{ unclosed the list",
        "@param } a",
        "@",
        "@ts-ignore",
    ],
)
@pytest.mark.parametrize("language", ["javascript", "typescript", "tsx"])
def test_a_tag_is_no_description(tag: str, language: str) -> None:
    assert documentation(jsdoc("Loads all.", tag), language) == "Loads all."
    assert documentation(jsdoc("Loads all.", "", tag), language) == "Loads all."
    assert documentation(jsdoc(tag), language) is None
    assert documentation(f"/** {tag} */", language) is None


@pytest.mark.parametrize("indent", ["", "  "])
def test_the_lines_below_a_tag_belong_to_it(indent: str) -> None:
    tag = ("@param {T} a the list,", f"{indent}which may be empty")
    assert documentation(jsdoc("Loads all.", *tag)) == "Loads all."
    assert documentation(jsdoc(*tag)) is None
    assert documentation(jsdoc(*tag, "", "Loads all.")) == "Loads all."
    assert documentation(jsdoc("@returns {", "  name: string,", "}")) is None


@pytest.mark.parametrize("tag", ["@internal", "@ts-ignore", "@private"])
def test_the_lines_below_a_tag_without_a_text_do_not(tag: str) -> None:
    assert documentation(jsdoc(tag, "Loads all.")) == "Loads all."


@pytest.mark.parametrize("tag", ["@description", "@summary", "@desc", r"\brief", "@brief"])
def test_a_tag_may_introduce_the_description(tag: str) -> None:
    assert documentation(jsdoc(f"{tag} Loads all,", "once.", "@param a the list")) == "Loads all, once."
    assert documentation(f"/** {tag} Loads all. */") == "Loads all."


def test_a_link_in_the_text_belongs_to_it() -> None:
    assert documentation(jsdoc("{@link Store} keeps a@b.org", "and <b>all</b>.")) == (
        "{@link Store} keeps a@b.org and all."
    )


@pytest.mark.parametrize("comment", ["/***/", "/** */", "/****/", "/**\n *\n */", "/* said */", "/** a */\n"])
def test_an_empty_a_plain_and_a_distant_comment_say_nothing(comment: str) -> None:
    assert documentation(comment) is None


def test_a_comment_without_an_end_is_no_documentation() -> None:
    assert documentation("/** Loads.") is None
