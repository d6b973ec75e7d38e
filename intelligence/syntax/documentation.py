"""In: a scope and the comments of its source. Out: its documentation and its signature."""

import re
from bisect import bisect_right
from typing import Final

from intelligence.syntax.grammar import Documentation
from intelligence.syntax.nodes import ScopeNode, Tree, first, span

SIGNATURE_CHARACTERS: Final = 300
DOCUMENTATION_CHARACTERS: Final = 500
_READ: Final = 4000
"""Maximum characters read of a declaration or a comment."""
_FIRST_LINES: Final = 3
_BETWEEN: Final = 400
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_MARKERS: Final = re.compile(r"^\s*(?:/\*[*!]*|//[/!]*|\*+(?!/)|#+!?|--+)?[ \t]?", re.MULTILINE)
_FOR_PROGRAMS: Final = re.compile(r"#!|#.*?(?:coding[:=]|frozen_string_literal:|-\*-|vim?:)")
"""The first lines of a script: interpreter, encoding and editor, not documentation."""
_TAIL: Final = re.compile(r"\s*(?:=>|[={:;])?$")
_TAGS: Final = re.compile(r"</?[a-zA-Z][^<>]*>")
_BLOCK_TAG: Final = re.compile(r"\s*[@\\]([\w-]*)(.*)")
_DESCRIBING: Final = frozenset({"brief", "desc", "description", "summary"})
_STRING: Final = re.compile(r"[a-zA-Z]{0,2}(\"\"\"|'''|\"|')(.*)", re.DOTALL)


def signature(scope: ScopeNode, tree: Tree) -> str:
    """The declaration up to its body, on one line."""
    body = first(scope.node, tree.grammar.body)
    if body is None and scope.value is not None:
        body = first(scope.value, tree.grammar.body)
    end = span(body)[0] if body is not None else scope.end
    head = tree.without_comments(scope.start, min(end, scope.start + _READ))
    if body is None:
        head = head.partition("{")[0]
        head = tree.grammar.empty.sub("", head) if tree.grammar.empty is not None else head
    return _TAIL.sub("", " ".join(head.split()))[:SIGNATURE_CHARACTERS]


def documentation(scope: ScopeNode, tree: Tree) -> str | None:
    """The first paragraph of the docstring, or of the comment directly above."""
    how = tree.grammar.documentation
    raw = _docstring(scope, tree) if how.style == "docstring" else _comment(scope, tree, how)
    paragraph = re.split(r"\n[ \t]*\n", (raw or "").strip())[0]
    return " ".join(paragraph.split())[:DOCUMENTATION_CHARACTERS].strip() or None


def _docstring(scope: ScopeNode, tree: Tree) -> str | None:
    body = scope.node.field("body")
    statement = (
        next((child for child in body.named_children() if child.kind() != "comment"), None) if body else None
    )
    string = (
        statement.child(0) if statement is not None and statement.kind() == "expression_statement" else None
    )
    if string is None or string.kind() != "string":
        return None
    start, end = span(string)
    found = _STRING.match(tree.text[start : min(end, start + _READ)])
    return found[2].removesuffix(found[1]) if found else None


def _comment(scope: ScopeNode, tree: Tree, how: Documentation) -> str | None:
    """The block of comments directly above, each on its own lines."""
    start = scope.start
    found: list[str] = []
    for position in range(bisect_right(tree.comments, (start, 0)) - 1, -1, -1):
        comment, end = tree.comments[position]
        text = tree.text[comment:end]
        if _FOR_PROGRAMS.match(text) and tree.text.count("\n", 0, comment) < _FIRST_LINES:
            break
        if not _joins(tree, end, start, None if found else how) or not text.startswith(how.starts):
            break
        if tree.text[tree.line_start(comment) : comment].strip() or sum(map(len, found)) > _READ:
            break
        found.append(text[:_READ])
        start = comment
        if text.startswith("/*"):
            break
    return _said("\n".join(text.rstrip() for text in reversed(found))) if found else None


def _joins(tree: Tree, end: int, start: int, how: Documentation | None) -> bool:
    """Whether there is only one line end between two offsets, besides text that the language allows there."""
    # Some parsers include the line end in the comment.
    end -= tree.text[end - 1] == "\n"
    between = tree.text[end : min(start, end + _BETWEEN)]
    if start - end > _BETWEEN or _BLANK_LINE.search(between):
        return False
    if how is not None and how.between is not None:
        between = how.between.sub("", between)
    return not between.strip()


def _said(comment: str) -> str:
    """A comment's text without markers, XML tags, and block tags such as `@param` with their text; a tag such
    as `@brief` introduces the description itself."""
    kept: list[str] = []
    of_tag = False
    for line in _TAGS.sub("", _MARKERS.sub("", comment.removesuffix("*/"))).split("\n"):
        said, tag = line, _BLOCK_TAG.match(line)
        if tag is None:
            of_tag = of_tag and line.strip() != ""
        elif tag[1] in _DESCRIBING:
            said, of_tag = tag[2], False
        else:
            # The lines below a tag without a text are no part of it.
            of_tag = tag[2].strip() != ""
            continue
        if not of_tag:
            kept.append(said)
    return "\n".join(kept)
