"""In: a library. Out: a copy of its sources alone, and their index by a precise indexer.

Python libraries are those of our own environment; TypeScript libraries are in package-lock.json and ship
their sources. A library is copied and indexed once for each version of it.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

TOOLS: Final = Path(sys.prefix, "references")
"""`make references` installs package-lock.json here."""
_SUFFIXES: Final = {"python": (".py",), "typescript": (".ts", ".tsx")}
_LEFT_OUT: Final = frozenset({"tests", "test", "__tests__", "testing", "locales"})
_TSCONFIG: Final = {
    "target": "esnext",
    "module": "esnext",
    "moduleResolution": "bundler",
    "allowImportingTsExtensions": True,
    "experimentalDecorators": True,
    "noEmit": True,
    "skipLibCheck": True,
    "strict": True,
    "types": [],
}


class Library(NamedTuple):
    """`sources`: the directory in what is installed. `held_out`: without influence on the product."""

    name: str
    language: str
    sources: str
    held_out: bool = False


LIBRARIES: Final = (
    Library("httpx", "python", "httpx"),
    Library("structlog", "python", "structlog"),
    Library("urllib3", "python", "urllib3"),
    Library("aiokafka", "python", "aiokafka", held_out=True),
    Library("click", "python", "click", held_out=True),
    Library("starlette", "python", "starlette", held_out=True),
    Library("@tanstack/query-core", "typescript", "src"),
    Library("ajv", "typescript", "lib"),
    Library("zod", "typescript", "src"),
    Library("chevrotain", "typescript", "src", held_out=True),
    Library("mobx", "typescript", "src", held_out=True),
    Library("rxjs", "typescript", "src", held_out=True),
)


class IndexerError(Exception):
    """The indexer wrote no index."""


class Indexed(NamedTuple):
    """`sources`: texts by path below `root`; `index`: the file that the indexer wrote."""

    library: Library
    root: Path
    sources: dict[str, str]
    index: Path


def indexed(library: Library) -> Indexed:
    home, release = _installed(library)
    root = TOOLS / "libraries" / f"{library.name.replace('/', '-')}-{release}"
    index = root / "index.scip"
    if not index.is_file():
        shutil.rmtree(root, ignore_errors=True)
        _copy(home / library.sources, root / library.sources, library.language)
        _INDEXERS[library.language](library, release, root)
    if not index.is_file() or index.stat().st_size < 1_000:
        index.unlink(missing_ok=True)
        raise IndexerError(f"{library.name} has no index")
    paths = sorted(path for path in (root / library.sources).rglob("*") if path.is_file())
    return Indexed(library, root, {str(path.relative_to(root)): path.read_text() for path in paths}, index)


def _installed(library: Library) -> tuple[Path, str]:
    if library.language == "python":
        return Path(sysconfig.get_path("purelib")), version(library.name)
    home = TOOLS / "node_modules" / library.name
    return home, json.loads((home / "package.json").read_text())["version"]


def _copy(home: Path, copy: Path, language: str) -> None:
    """Without tests, what a compiler has written, and locales, which repeat one file in many languages."""
    for path in home.rglob("*"):
        inner = path.relative_to(home)
        if path.suffix in _SUFFIXES[language] and path.is_file() and not _is_left_out(inner):
            (copy / inner).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy / inner)


def _is_left_out(inner: Path) -> bool:
    return bool(_LEFT_OUT & set(inner.parts)) or inner.name.endswith((".d.ts", ".test.ts", ".spec.ts"))


def _index_python(library: Library, release: str, root: Path) -> None:
    named = ["--project-name", library.name, "--project-version", release]
    _run(root, "scip-python", "index", *named, "--cwd", str(root))


def _index_typescript(library: Library, release: str, root: Path) -> None:
    config = {"compilerOptions": _TSCONFIG, "include": [library.sources]}
    (root / "tsconfig.json").write_text(json.dumps(config))
    (root / "package.json").write_text(json.dumps({"name": library.name, "version": release}))
    _run(root, "scip-typescript", "index", "--no-progress-bar")


def _run(root: Path, *command: str) -> None:
    """The indexer of Python calls `pip` of our own environment."""
    path = os.pathsep.join(
        [str(TOOLS / "node_modules" / ".bin"), sysconfig.get_path("scripts"), os.environ["PATH"]]
    )
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise IndexerError(f"{command[0]} failed: {done.stderr.strip()[-300:]}")


_INDEXERS: Final = {"python": _index_python, "typescript": _index_typescript}
