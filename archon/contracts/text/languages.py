"""In: a text, and the name of its file. Out: its language by the name, otherwise by shebang, mode line or
content.

Prose has none: a guess from content requires several lines with unmistakable beginnings.
"""

import re
from typing import Final

from archon.contracts.identity import KNOWN_LANGUAGES, language_named, language_of
from archon.contracts.text.lines import with_newlines

_INTERPRETERS: Final = {
    "awk": "awk gawk mawk nawk",
    "bash": "sh bash dash ash ksh mksh zsh bats",
    "erlang": "escript",
    "go": "go gorun",
    "groovy": "groovy",
    "haskell": "runghc runhaskell stack",
    "java": "java jbang",
    "javascript": "node nodejs bun js rhino d8",
    "julia": "julia",
    "kotlin": "kotlin kotlinc kscript",
    "lua": "lua luajit",
    "make": "make gmake",
    "perl": "perl",
    "php": "php php-cgi",
    "powershell": "pwsh powershell",
    "python": "python pypy ipython jython micropython uv pipx python-sudo",
    "r": "rscript littler",
    "ruby": "ruby jruby truffleruby rbx macruby rake",
    "rust": "rust-script cargo",
    "scala": "scala scala-cli amm",
    "sql": "psql sqlite",
    "swift": "swift",
    "tcl": "tclsh wish expect",
    "typescript": "deno ts-node tsx",
}
_BY_INTERPRETER: Final = {
    each: language for language, names in _INTERPRETERS.items() for each in names.split()
}
_VERSION: Final = re.compile(r"[-\d.]*(?:\.exe)?$")
_ALIASES: Final = {
    "bash": "shell-script",
    "csharp": "cs",
    "html": "html5 web mhtml",
    "ini": "conf dosini",
    "javascript": "js2 js-jsx rjsx javascriptreact",
    "make": "makefile makefile-gmake",
    "markdown": "gfm",
    "perl": "cperl",
    "python": "python2 python3",
    "rust": "rustic",
    "terraform": "hcl",
    "tsx": "typescriptreact",
    "xml": "nxml",
}
_MODES: Final = {each: language for language, names in _ALIASES.items() for each in names.split()}
"""Names that editors use in mode lines."""
_EMACS: Final = re.compile(
    r"-\*-[ \t]*(?:[^\n]*?\bmode:[ \t]*([\w+#-]+)|([\w+#-]+)[ \t]*-\*-)", re.IGNORECASE
)
_VIM: Final = re.compile(
    r"(?:^|\s)(?:vim?|Vim|ex)(?:[<=>]?\d+)?:[^\n]*?\b(?:ft|filetype|syn|syntax)=([\w+#-]+)"
)
_MODE_LINES: Final = 5
_HEAD: Final = 4000
_OPENINGS: Final = (
    (re.compile(r"\s*<\?php\b"), "php"),
    (re.compile(r"\s*<\?xml\b"), "xml"),
    (re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE), "html"),
    (re.compile(r"#(?:compdef|autoload)\b"), "bash"),
    (re.compile(r'\s*(?://[^\n]*\n\s*)*syntax\s*=\s*"proto[23]"\s*;'), "protobuf"),
    (re.compile(r'\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:|\s*\[\s*(?:\{\s*"|"(?:[^"\\\n]|\\.)*"\s*[,\]])'), "json"),
)
_TRANSLATION: Final = re.compile(r"\s*<(?:\?xml\b|!DOCTYPE TS>|TS\b[^<>]*>)")
"""Qt's translations are XML in files with TypeScript's suffix."""
_SIGNS: Final = {
    "c": r"""#include [<"][\w/.+-]+\.h[>"]|#(?:define|ifdef|ifndef|endif)\b|typedef (?:struct|enum)\b""",
    "cpp": r"namespace [\w:]+ \{$|template ?<.*>$|using (?:namespace )?[\w:]+;$|class \w+ (?:: .*)?\{$"
    r"|#include <\w+>$",
    "dockerfile": r"FROM \S+(?: AS \S+)?$|(?:RUN|CMD|ENTRYPOINT|COPY|WORKDIR|ENV|EXPOSE) \S",
    "go": r"package \w+$|import [(\"]|func (?:\([^)]*\) )?\w+\(.*\{$|type \w+ (?:struct|interface) \{$",
    "java": r"(?:package|import(?: static)?) [\w.*]+;$"
    r"|(?:public |final |abstract )+(?:class|interface|enum) \w+.*\{$",
    "javascript": r"""(?:import|export) .*from ['"].*['"];?$|(?:const|let|var) .*=.*\brequire\("""
    r"""|(?:async )?function \w+\(.*\{$|module\.exports\b|export (?:default|const|function|class)\b""",
    "perl": r"use (?:strict|warnings)\b|sub \w+ ?\{$|my [$@%]\w+ ?=|package [\w:]+;$",
    "python": r"from [\w.]+ import \S|import [\w.]+(?: as \w+)?$|(?:async )?def \w+\(.*:$"
    r"|class \w+(?:\(.*\))?:$",
    "ruby": r"""require(?:_relative)? ['"]\S+['"]$|module [A-Z]\w*$|class [A-Z]\w*(?: < [A-Z]\S*)?$"""
    r"|def \w+[?!]?(?:\(.*\))?$",
    "rust": r"use (?:std|crate|super)::|(?:pub )?(?:fn \w+.*\{|mod \w+;|struct \w+)|impl\b.*\{$"
    r"|#!?\[\w+.*\]$",
    "sql": r"(?i:create (?:or replace )?(?:table|view|index|function)\b|insert into \S|alter table \S"
    r"|select .* from \S)",
}
_SIGN: Final = {language: re.compile(f"^(?:{sign})", re.MULTILINE) for language, sign in _SIGNS.items()}
_SIGNS_LEAST: Final = 2
_SIGNS_SHARE: Final = 0.2
"""Minimum share of unindented lines that match: a README may contain examples."""


def language_of_file(path: str, text: str) -> str | None:
    """The language by a file's name; otherwise, or if its beginning contradicts the name, by its text."""
    named = language_of(path)
    if named == "typescript" and _TRANSLATION.match(text[:_HEAD].lstrip("\ufeff")):
        return "xml"
    return named or language_in(text)


def language_in(text: str) -> str | None:
    """The language that `text` declares or suggests. Any line ending is accepted; only the head and the tail
    are read."""
    head = with_newlines(text[:_HEAD].lstrip("\ufeff"))
    return _by_shebang(head) or _by_mode(head, text[-_HEAD:]) or _by_content(head)


def _by_shebang(head: str) -> str | None:
    # `#![` starts a Rust attribute.
    if not head.startswith("#!") or head.startswith("#!["):
        return None
    lines = head.split("\n", 2)
    words = lines[0][2:].split()
    if words and words[-1].endswith("nix-shell") and len(lines) > 1:
        words = lines[1].partition(" -i ")[2].split()
    for word in words:
        name = word.replace("\\", "/").rpartition("/")[2].lower()
        if found := _BY_INTERPRETER.get(name) or _BY_INTERPRETER.get(_VERSION.sub("", name)):
            return found
    return None


def _by_mode(head: str, tail: str) -> str | None:
    lines = head.split("\n")
    if (match := _EMACS.search("\n".join(lines[:2]))) and (found := _of_mode(match[1] or match[2])):
        return found
    last = tail.rstrip().replace("\r", "\n").split("\n")[-_MODE_LINES:]
    match = next(filter(None, map(_VIM.search, [*lines[:_MODE_LINES], *last])), None)
    return _of_mode(match[1]) if match else None


def _of_mode(name: str) -> str | None:
    plain = re.sub(r"-(?:ts-)?mode$", "", name.lower())
    language = _MODES.get(plain) or language_named(plain)
    return language if language in KNOWN_LANGUAGES else None


def _by_content(head: str) -> str | None:
    for opening, language in _OPENINGS:
        if opening.match(head):
            return language
    counts = {language: len(sign.findall(head)) for language, sign in _SIGN.items()}
    language = max(counts, key=counts.__getitem__)
    most = counts.pop(language)
    said = sum(line[:1].strip() != "" for line in head.split("\n"))
    enough = most >= max(_SIGNS_LEAST, _SIGNS_SHARE * said) and most > max(counts.values())
    return language if enough else None
