"""In: text, paths, client ids. Out: content hashes, document, entity and event ids, languages and types.

All functions are pure, so every process derives the same values.
"""

from pathlib import PurePosixPath
from typing import Annotated, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from blake3 import blake3
from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from archon.contracts.types import DocumentType, Name

NAMESPACE: Final = uuid5(NAMESPACE_URL, "archon-enrichment")

_LANGUAGES: Final = {
    "astro": "astro",
    "awk": "awk gawk",
    "bash": "sh bash bats ksh zsh dash ash",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hpp hh hxx h++ ipp tpp inl ixx cppm",
    "csharp": "cs csx",
    "css": "css scss less",
    "cypher": "cypher cyp",
    "dart": "dart",
    "dockerfile": "dockerfile containerfile",
    "elixir": "ex exs",
    "erlang": "erl hrl escript",
    "go": "go",
    "graphql": "graphql gql",
    "groovy": "groovy gradle gvy",
    "haskell": "hs",
    "html": "html htm",
    "ini": "ini cfg conf properties",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "json": "json jsonc json5 geojson webmanifest",
    "julia": "jl",
    "kotlin": "kt kts",
    "lua": "lua",
    "make": "mk",
    "markdown": "md markdown mdx",
    "notebook": "ipynb",
    "perl": "pl pm perl",
    "php": "php phtml",
    "powershell": "ps1 psm1 psd1",
    "protobuf": "proto",
    "python": "py pyi pyw",
    "r": "r",
    "restructuredtext": "rst",
    "ruby": "rb rake gemspec ru",
    "rust": "rs",
    "scala": "scala sc",
    "sql": "sql ddl",
    "svelte": "svelte",
    "swift": "swift",
    "tcl": "tcl",
    "terraform": "tf tfvars hcl",
    "text": "txt text log",
    "toml": "toml",
    "typescript": "ts mts cts",
    "tsx": "tsx",
    "vue": "vue",
    "xml": "xml xsd svg",
    "yaml": "yaml yml",
}
KNOWN_LANGUAGES: Final = frozenset({*_LANGUAGES, "gomod"})
_CALLED: Final = {
    "c++": "cpp",
    "c#": "csharp",
    "golang": "go",
    "shell": "bash",
    "node": "javascript",
    "ipython": "python",
}
_BY_SUFFIX: Final = {suffix: language for language, names in _LANGUAGES.items() for suffix in names.split()}
_NAMES: Final = {
    "bash": ".bashrc .bash_profile .profile .zshrc",
    "dockerfile": "dockerfile containerfile",
    "gomod": "go.mod",
    "json": ".babelrc .eslintrc",
    "make": "makefile gnumakefile",
    "ruby": "gemfile rakefile vagrantfile podfile brewfile",
    "toml": "cargo.lock poetry.lock pipfile uv.lock",
    "yaml": ".clang-format .clang-tidy",
}
_BY_NAME: Final = {each: language for language, names in _NAMES.items() for each in names.split()}
_BEFORE_A_DOT: Final = frozenset({"dockerfile", "containerfile", "makefile"})
"""File names that may have any suffix: `Dockerfile.dev`."""
_DOCUMENTATION: Final = frozenset({"markdown", "restructuredtext", "text"})
_CONFIGURATION: Final = frozenset({"json", "yaml", "toml", "xml", "dockerfile", "gomod", "make", "terraform"})
_TEST_DIRECTORIES: Final = frozenset({"test", "tests", "spec", "specs", "__tests__", "testing"})


def content_hash(text: str) -> str:
    """BLAKE3 of the UTF-8 text, 64 lower-case hex digits."""
    return blake3(text.encode()).hexdigest()


def document_id(
    project_name: str, client_id: str | None, file_path: str, *, is_own: bool = False
) -> tuple[str, str | None]:
    """The document's UUID and `external_id`, the client's own id if it differs from the UUID.

    `is_own`: treat a UUID as a name within the project, like any other id.
    """
    if client_id is None:
        return str(uuid5(NAMESPACE, f"{project_name}\0path\0{file_path}")), None
    canonical = as_uuid(client_id)
    if canonical is not None and not is_own:
        return canonical, None
    external_id = canonical or client_id
    return str(uuid5(NAMESPACE, f"{project_name}\0id\0{external_id}")), external_id


def as_uuid(client_id: str) -> str | None:
    """The UUID in canonical form, whatever its spelling; None if `text` is not a UUID."""
    try:
        return str(UUID(client_id))
    except ValueError:
        return None


def entity_id(document: str, kind: str, qualified_name: str, ordinal: int) -> str:
    """The id of an entity. Stable across analyses while kind, name and order among equal entities stay the
    same."""
    return str(uuid5(UUID(document), f"{kind}\0{qualified_name}\0{ordinal}"))


def chunk_id(document: str, kind: str, symbol: str | None, ordinal: int) -> str:
    """The id of a chunk's point. Stable under the same conditions as an entity's id."""
    return str(uuid5(UUID(document), f"chunk\0{kind}\0{symbol or ''}\0{ordinal}"))


def event_id(document: str, version: int, what: str) -> str:
    """CloudEvents id of a document's event; a redelivery of the same outcome or stage has the same id."""
    return str(uuid5(UUID(document), f"event\0{version}\0{what}"))


def repair_id(document: str, version: int, window: int) -> str:
    """Correlation id of a reconciliation's submission; equal for all submissions within one window."""
    return str(uuid5(UUID(document), f"reconcile\0{version}\0{window}")).upper()


def language_of(file_path: str) -> str | None:
    """The language a path's name suggests, or None."""
    name = PurePosixPath(file_path.replace("\\", "/")).name.lower()
    stem, _, suffix = name.rpartition(".")
    first = name.partition(".")[0]
    by_name = _BY_NAME.get(name) or (_BY_NAME[first] if first in _BEFORE_A_DOT else None)
    return by_name or (_BY_SUFFIX.get(suffix) if stem else None)


def language_named(name: str) -> str:
    """The language behind a client's name for it: `Python`, `js`, `C++`."""
    plain = name.strip().lower()
    if plain in _LANGUAGES:
        return plain
    return _CALLED.get(plain) or _BY_SUFFIX.get(plain, plain)


GivenLanguage = Annotated[Name, StringConstraints(max_length=64), AfterValidator(language_named)]
"""A language as a client may name it, converted to our name."""
Language = Annotated[GivenLanguage, WithJsonSchema({"type": "string"})]
"""Like `GivenLanguage`, without a length limit in the schema: within v1 a request's schema has none."""


def document_type_of(file_path: str, language: str | None) -> DocumentType:
    """The document type that a path and a language suggest."""
    path = PurePosixPath(file_path.replace("\\", "/").lower())
    if language is None:
        return DocumentType.OTHER
    if language in _DOCUMENTATION:
        return DocumentType.DOCUMENTATION
    if language in _CONFIGURATION:
        return DocumentType.CONFIGURATION
    stem = path.name.split(".")[0]
    is_test = (
        stem.startswith("test_") or stem.endswith("_test") or ".test." in path.name or ".spec." in path.name
    )
    if is_test or _TEST_DIRECTORIES.intersection(path.parts[:-1]):
        return DocumentType.TEST
    return DocumentType.CODE
