"""In: Dockerfile, compose.yaml and .env.example. Out: whether they are valid, pinned, and without secrets."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deploy.checks import settings
from deploy.checks.tools import BIN, CheckError, existing, require, run

_IMAGE: Final = re.compile(r"^[\w./-]+:v?\d+\.\d+[\w.-]*$")
_ONCE: Final = frozenset({"setup", "temporal-schema", "content-bucket"})
"""Services that end; they have no health check."""
_CONSOLES: Final = frozenset({"temporal-ui", "redpanda-console", "memgraph-lab"})
"""Images for people: no service depends on them, and their own tools are not documented."""
_OURS: Final = frozenset({"bridge", "ingress", "worker", "intelligence", "setup"})
_SECRET: Final = re.compile(r"(PASSWORD|PWD|API_KEY|SECRET_ACCESS_KEY)$")
_FILLED: Final = "filled-in-for-the-check"
_KEYS: Final = "deploy/secrets"
"""Keys that the operator generates, as described in the README."""


def dockerfile(root: Path) -> str:
    """hadolint, the base images' tags, and that every copied file exists and is not ignored."""
    (path,) = existing(root, "deploy/Dockerfile")
    run([BIN / "hadolint", "--failure-threshold", "style", path], cwd=root)
    text = path.read_text()
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        for source in line.split()
    ]
    sent = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    require(
        [f"{image}: not an exact version" for image in images if not _IMAGE.match(image)]
        + [f"COPY {source}: there is no such file" for source in copied if not (root / source).exists()]
        + [f"COPY {source}: .dockerignore leaves it out" for source in copied if source not in sent]
    )
    return f"{len(images)} stages, {len(copied)} copied"


def compose_file(root: Path) -> str:
    """`docker compose config`, and requirements of a production stack."""
    services = _config(root)["services"]
    problems = [
        f"{name}: {problem}"
        for name, service in services.items()
        for problem in _problems(root, name, service)
    ]
    ours = {key for name in _OURS & services.keys() for key in services[name]["environment"]}
    problems += [f"{name}: no service reads this setting" for name in settings.unknown(root, ours)]
    problems += [f"{name}: missing" for name in sorted(_OURS - services.keys())]
    require(problems)
    return f"{len(services)} services"


def compose_secrets(root: Path) -> str:
    """No secret has a literal value or a default: the stack does not start without it."""
    blank = _blanks(root)
    services = _config(root)["services"]
    require(
        [
            f"{service}: {name} is not taken from .env"
            for service, each in services.items()
            for name, value in each.get("environment", {}).items()
            if _SECRET.search(name) and value not in {_FILLED, ""}
        ]
        + [f"{name}: the stack starts without it" for name in blank if not _refused(root, name)]
    )
    return f"{len(blank)} secrets"


def _refused(root: Path, missing: str) -> bool:
    try:
        _config(root, without=missing)
    except CheckError as error:
        return f"{missing} is missing a value" in str(error)
    return False


def _problems(root: Path, name: str, service: Mapping[str, Any]) -> list[str]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    sources = [Path(each["source"]) for each in service.get("volumes", []) if each["type"] == "bind"]
    mounted = [source for source in sources if source != root / _KEYS]
    exposed = [port for port in service.get("ports", []) if port.get("host_ip") != "127.0.0.1"]
    wanted = {
        f"image {service['image']} is not pinned to a version": _IMAGE.match(service["image"]),
        "no limits of processors and memory": {"cpus", "memory"} <= limits.keys(),
        "no restart policy": service.get("restart"),
        "no health check": name in _ONCE | _CONSOLES or service.get("healthcheck"),
        "a port leaves loopback": not exposed,
        "it keeps capabilities": service.get("cap_drop") == ["ALL"],
        "its processes may gain privileges": "no-new-privileges:true" in service.get("security_opt", []),
        **{f"{path.relative_to(root)} is mounted and missing": path.exists() for path in mounted},
    }
    if name in _OURS:
        grace = _seconds(service.get("stop_grace_period", "10s"))
        shutdown = float(service["environment"].get("SHUTDOWN_TIMEOUT", 20))
        wanted |= {
            f"killed after {grace:g} s, before SHUTDOWN_TIMEOUT of {shutdown:g} s": grace > shutdown,
            "its file system can be written to": service.get("read_only"),
            "it adds capabilities": not service.get("cap_add"),
        }
    return [problem for problem, right in wanted.items() if not right]


def _seconds(duration: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", duration))


def _blanks(root: Path) -> list[str]:
    (example,) = existing(root, "deploy/.env.example")
    return re.findall(r"^([A-Z][A-Z0-9_]*)=$", example.read_text(), re.MULTILINE)


def _config(root: Path, without: str = "") -> Any:
    """The file as compose reads it, with .env.example except the values in `without`."""
    filled = {name: _FILLED for name in _blanks(root) if name != without}
    command: list[str | Path] = [
        BIN / "docker-compose",
        "--env-file",
        ".env.example",
        "config",
        "--format",
        "json",
    ]
    return json.loads(run(command, cwd=root / "deploy", environment=filled))
