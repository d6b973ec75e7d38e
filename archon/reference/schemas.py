"""In: the models. Out: JSON Schemas of events, HTTP bodies and workflow data."""

import json
import re

from pydantic import BaseModel

from archon.contracts.documents import DocumentSubmission
from archon.contracts.events import DeadLetter, EnrichmentCompleted, EnrichmentProgress, EnrichmentRequest
from archon.contracts.operations.deletion import DeletionInput, DeletionScope
from archon.contracts.workflow import EnrichDocumentInput, EnrichmentOutcome, WorkflowStatus
from archon.reference import openapi
from archon.runtime.flow.breaker import BreakerStatus
from archon.runtime.http.problems import Problem
from kafka_ingress.health import IngressHealth
from worker import WorkerHealth

EVENTS: dict[str, type[BaseModel]] = {
    "tree.index.v1": DocumentSubmission,
    "enrich-document.v1": EnrichmentRequest,
    "enrich-document-dlq.v1": DeadLetter,
    "enrichment-completed.v1": EnrichmentCompleted,
    "enrichment-progress.v1": EnrichmentProgress,
}
"""Keys are the topics' names without prefix."""

_OTHERS: dict[str, type[BaseModel]] = {
    "workflow-input": EnrichDocumentInput,
    "deletion-input": DeletionInput,
    "deletion-scope": DeletionScope,
    "workflow-outcome": EnrichmentOutcome,
    "workflow-status": WorkflowStatus,
    "problem": Problem,
    "circuit-breaker": BreakerStatus,
    "ingress-health": IngressHealth,
    "worker-health": WorkerHealth,
}


def models() -> dict[str, type[BaseModel]]:
    """Every model by name; the name of a body is its class name in kebab case."""
    found = {**EVENTS, **_OTHERS}
    for app in openapi.apps().values():
        for model in openapi.bodies(app):
            if model not in found.values():
                found[re.sub(r"(?<!^)(?=[A-Z])", "-", model.__name__).lower()] = model
    return found


def files() -> dict[str, str]:
    """File name to content, below docs/schemas."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"
        for name, model in models().items()
    }
