"""In: the Helm chart and its value sets in ci/. Out: whether each renders to manifests that a cluster
accepts.

Uses the official Helm engine as a library, and the published schemas of Kubernetes in place of a cluster.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import jsonschema
import kubernetes_validate
import yaml

from deploy.checks import settings
from deploy.checks.tools import CheckError, existing, read_json, read_yaml, require

Manifest = Mapping[str, Any]

CHART: Final = "deploy/helm/archon-enrichment"
_FLAGS: Final = "flags.json"
"""Rollout flags that the bridge watches; the settings' names in lower case."""
_OLDEST: Final = "1.30"
"""The oldest Kubernetes in Chart.yaml; the newest is the newest one with schemas."""
_CUSTOM: Final = ("ScaledObject", "PodMonitor")
"""Kinds of other products, with schemas in schemas/, written from their documentation."""


def lint(root: Path) -> str:
    """`helm lint`, which also checks values.yaml against values.schema.json."""
    chart = existing(root, f"{CHART}/Chart.yaml")[0].parent
    found = helm.lint(str(chart), strict=True)
    require([str(error) for error in found["errors"]])
    return "chart and values.schema.json"


def manifests(root: Path) -> str:
    """Every manifest of every value set, against the schemas of the oldest and the newest Kubernetes."""
    versions = (_OLDEST, kubernetes_validate.latest_version())
    sets, count = _value_sets(root), 0
    for name, values in sets.items():
        for manifest in render(root, values):
            count += 1
            try:
                _validate(manifest, versions)
            except (jsonschema.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                where = f"{name}: {manifest['kind']} {manifest['metadata']['name']}"
                raise CheckError(f"{where}: {error.message}") from error
    return f"{count} manifests of {len(sets)} value sets, Kubernetes {' and '.join(versions)}"


def workloads(root: Path) -> str:
    """Requirements that schemas cannot express: a pod is confined, limited, probed, and has time to stop."""
    found: dict[str, list[str]] = {}
    count = 0
    for name, values in _value_sets(root).items():
        for manifest in render(root, values):
            if "template" not in manifest.get("spec", {}):
                continue
            count += 1
            for problem in _problems(root, manifest):
                found.setdefault(f"{manifest['metadata']['name']}: {problem}", []).append(name)
    require([f"{problem} ({', '.join(names)})" for problem, names in found.items()])
    return f"{count} pods"


def refusals(root: Path) -> str:
    """Values for an unsafe or broken release are refused."""
    refused: Mapping[str, dict[str, Any]] = {
        "an open bridge": {"apiKeys": {"secretName": ""}},
        "no intelligence": {"components": {"intelligence": {"enabled": False}}},
        "workers scaled to zero": {"keda": {"worker": {"minReplicas": 0}}},
        "an unknown value": {"replicaCount": 3},
        "content in the pod's own files": {"settings": {"CONTENT_STORE_URL": "file:///tmp/content"}},
        "a misspelt flag": {"rollout": {"enable_async": False}},
        "the tag latest": {"image": {"tag": "latest"}},
    }
    for what, values in refused.items():
        try:
            render(root, values)
        except CheckError:
            continue
        raise CheckError(f"{what}: the chart renders it")
    return f"{len(refused)} refused"


def render(root: Path, values: dict[str, Any]) -> list[Manifest]:
    """The manifests of a release. Raises CheckError if the values or the templates are wrong."""
    try:
        with helm.Chart.load(str(root / CHART)) as chart:
            chart.validate_schema(values)
            rendered = chart.render(values, name="archon", namespace="archon")
        documents = [text for name, text in sorted(rendered.items()) if not name.endswith(".txt")]
        return [each for text in documents for each in yaml.safe_load_all(text) if each]
    except (helm.HelmError, yaml.YAMLError) as error:
        raise CheckError(str(error)) from error


def _value_sets(root: Path) -> dict[str, dict[str, Any]]:
    found = existing(root, f"{CHART}/ci/*.yaml")
    return {"defaults": {}, **{path.stem: read_yaml(path) for path in found}}


def _validate(manifest: Manifest, versions: tuple[str, ...]) -> None:
    if manifest["kind"] in _CUSTOM:
        schema = Path(__file__).parent / "schemas" / f"{manifest['kind']}.json"
        jsonschema.validate(manifest, read_json(schema))
        return
    for version in versions:
        kubernetes_validate.validate(dict(manifest), version, strict=True)


def _problems(root: Path, manifest: Manifest) -> list[str]:
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {each["name"]: each.get("value") for each in container.get("env", [])}
    security = container.get("securityContext", {})
    wanted = {
        "may be root": pod.get("securityContext", {}).get("runAsNonRoot")
        and pod["securityContext"]["runAsUser"],
        "no seccomp profile": pod.get("securityContext", {}).get("seccompProfile"),
        "its file system can be written to": security.get("readOnlyRootFilesystem"),
        "it keeps capabilities": security.get("capabilities", {}).get("drop") == ["ALL"],
        "it may gain privileges": security.get("allowPrivilegeEscalation") is False,
        "no memory limit": container.get("resources", {}).get("limits", {}).get("memory"),
        "services set its environment": pod.get("enableServiceLinks") is False,
        "a password is written out": not any(
            environment.get(name) for name in ("MEMGRAPH_PASSWORD", "QDRANT_API_KEY")
        ),
        **{f"{name}: no service reads this setting": False for name in settings.unknown(root, environment)},
    }
    if manifest["kind"] == "Deployment":
        shutdown = float(environment["SHUTDOWN_TIMEOUT"] or 0)
        grace = pod.get("terminationGracePeriodSeconds", 30)
        wanted |= {
            probe: container.get(probe) for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        wanted[f"killed after {grace} s, before SHUTDOWN_TIMEOUT of {shutdown:g} s"] = grace > shutdown + 5
    return [problem for problem, right in wanted.items() if not right]


def chart_settings(root: Path) -> str:
    """A service reads every plain setting of the chart, and every rollout flag."""
    rendered = [each for values in _value_sets(root).values() for each in render(root, values)]
    data = [each["data"] for each in rendered if each["kind"] == "ConfigMap"]
    flags = {name.upper() for each in data if _FLAGS in each for name in json.loads(each[_FLAGS])}
    names = flags | {name for each in data if _FLAGS not in each for name in each}
    require([f"{name}: no service reads this setting" for name in settings.unknown(root, names)])
    return f"{len(names)} settings"
