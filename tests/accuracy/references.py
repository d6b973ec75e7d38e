"""In: files of one language. Out: their functions and classes by another parser.

Files that such a parser cannot read are left out.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.accuracy.rule import Named

HERE = Path(__file__).parent
_FUNCTIONS = frozenset({"function", "method", "singletonMethod"})
Answers = Iterator[tuple[str, list[Named]]]


class MissingError(Exception):
    """The reference is not installed."""


class Reference(NamedTuple):
    """`within`: it returns the line of the name."""

    version: Callable[[], str]
    read: Callable[[Sequence[str]], Answers]
    within: bool = False


def read_python(paths: Sequence[str]) -> Answers:
    """By ast."""
    for path in paths:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(Path(path).read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            continue
        kinds = {ast.ClassDef: "class", ast.FunctionDef: "function", ast.AsyncFunctionDef: "function"}
        yield (
            path,
            [
                Named(kinds[type(node)], node.name, node.lineno)
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            ],
        )


def _read_ctags(language: str, kinds: str, paths: Sequence[str]) -> Answers:
    """By Universal Ctags: functions and types of `kinds`, which are its letters."""
    chosen = [f"--language-force={language}", f"--kinds-{language}={kinds}"]
    answers: dict[str, list[Named]] = {path: [] for path in paths}
    options = ["--output-format=json", "--fields=NFKnP", *chosen, "-L", "-"]
    for line in _run([_tool("ctags"), *options], paths):
        tag = json.loads(line)
        # Names that are not text are missing in the output.
        name = tag.get("name", "__anon").replace(" ", "").strip("`")
        # For Kotlin it reports lambdas, and their arguments, as methods.
        lambda_ = language == "Kotlin" and tag["kind"] == "method" and not _declares(tag["pattern"], name)
        if not lambda_ and not name.startswith("__anon"):
            what = "function" if tag["kind"] in _FUNCTIONS else "class"
            macro = language in {"C", "C++"} and what == "function" and name.isupper()
            answers[tag["path"]].append(Named("macro" if macro else what, name, tag["line"]))
    yield from answers.items()


def _declares(line: str, name: str) -> bool:
    return re.search(rf"\bfun\b.*(?<!\w){re.escape(name)}`?\s*\(", line) is not None


def _lines_of(command: Callable[[], list[str]]) -> Callable[[Sequence[str]], Answers]:
    def read(paths: Sequence[str]) -> Answers:
        for line in _run(command(), paths):
            answer = json.loads(line)
            if "error" not in answer:
                yield answer["path"], [Named(*each) for each in answer["found"]]

    return read


def _run(command: list[str], paths: Sequence[str]) -> list[str]:
    done = subprocess.run(command, input="\n".join(paths) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(done.stderr.strip()[:300])
    return done.stdout.splitlines()


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"{name} is not installed")
    return found


def _version(*command: str) -> str:
    done = subprocess.run([_tool(command[0]), *command[1:]], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def _typescript() -> str:
    """The directory of the compiler: TYPESCRIPT names it, otherwise it is among npm's global packages."""
    own = os.environ.get("TYPESCRIPT")
    root = own or f"{_version('npm', 'root', '-g')}/typescript"
    if not Path(root, "lib", "typescript.js").is_file():
        raise MissingError("no TypeScript compiler: npm install -g typescript, or set TYPESCRIPT to it")
    return root


def _typescript_version() -> str:
    return "TypeScript " + json.loads(Path(_typescript(), "package.json").read_text())["version"]


def _ctags(language: str, kinds: str) -> Reference:
    """`kinds`: those with a body, and typedefs."""
    version = partial(_version, "ctags", "--version")
    return Reference(lambda: version().partition(",")[0], partial(_read_ctags, language, kinds), within=True)


_JAVASCRIPT = Reference(
    _typescript_version, _lines_of(lambda: [_tool("node"), str(HERE / "reference.cjs"), _typescript()])
)
REFERENCES: dict[str, Reference] = {
    "python": Reference(lambda: "ast of Python " + os.sys.version.split()[0], read_python),
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "tsx": _JAVASCRIPT,
    "go": Reference(
        lambda: _version("go", "version"), _lines_of(lambda: [_tool("go"), "run", str(HERE / "reference.go")])
    ),
    "java": Reference(
        lambda: "javac of " + _version("java", "--version"),
        _lines_of(lambda: [_tool("java"), str(HERE / "Reference.java")]),
    ),
    "c": _ctags("C", "fsugt"),
    "cpp": _ctags("C++", "fcsugt"),
    "csharp": _ctags("C#", "cisgm"),
    "kotlin": _ctags("Kotlin", "cioTm"),
    "php": _ctags("PHP", "citf"),
    "ruby": _ctags("Ruby", "cfS"),
    "rust": _ctags("Rust", "fPsgit"),
}
