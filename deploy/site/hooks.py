"""In: the pages of docs/, and some from the rest of the repository. Out: a site without links that leave it.

A link to a source becomes plain text: the site does not know where the sources are. A broken link stays, so
that the strict build reports it.
"""

import posixpath
import re
import sys
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT: Final = Path(__file__).parents[2]
_FROM_OUTSIDE: Final = {
    "README.md": "overview.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "deploy/README.md": "deploy.md",
}
"""Pages outside docs/, by their place in the site."""
_MERMAID: Final = Path(sys.prefix) / "node/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
"""Loaded from the site itself; the theme would load it from the network."""
_LINK: Final = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_IMAGE: Final = re.compile(r"(?<=\]\()docs/(?=images/)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Records of decisions are listed as they are found, and pages only if they are there."""
    docs = Path(config.docs_dir)
    places = set(_FROM_OUTSIDE.values())
    nav = [
        {title: [page for page in pages if page in places or (docs / page).is_file()]}
        for group in config.nav or []
        for title, pages in group.items()
    ]
    if decisions := sorted(path.relative_to(docs).as_posix() for path in docs.glob("adr/*.md")):
        nav.append({"Decisions": decisions})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, place in _FROM_OUTSIDE.items():
        files.append(File.generated(config, place, content=(_ROOT / source).read_text()))
    files.append(File.generated(config, "mermaid.js", content=_MERMAID.read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    source = next((each for each, at in _FROM_OUTSIDE.items() if at == page.file.src_uri), None)
    here = posixpath.dirname(source or f"docs/{page.file.src_uri}")

    def resolved(link: re.Match[str]) -> str:
        text, target, anchor = link.groups()
        path = posixpath.normpath(posixpath.join(here, target))
        place = _FROM_OUTSIDE.get(path, posixpath.relpath(path, "docs"))
        if files.get_file_from_path(place) is not None:
            return f"[{text}]({posixpath.relpath(place, posixpath.dirname(page.file.src_uri))}{anchor or ''})"
        return text if (_ROOT / path).exists() else link[0]

    return _IMAGE.sub("", _LINK.sub(resolved, markdown))


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Three megabytes of script only where there is a diagram."""
    if 'class="mermaid"' not in output:
        return output
    script = posixpath.relpath("mermaid.js", posixpath.dirname(page.url))
    return output.replace("</head>", f'<script src="{script}"></script></head>', 1)
