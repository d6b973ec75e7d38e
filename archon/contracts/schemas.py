"""In: the models. Out: one JSON Schema file each (`python -m archon.contracts.schemas DIRECTORY`)."""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from archon.contracts.analysis import AnalysisRequest, AnalysisResult, ServiceVersion
from archon.contracts.documents import DocumentAccepted, DocumentSubmission, DocumentView, SearchResults
from archon.contracts.events import DeadLetter, EnrichmentCompleted, EnrichmentProgress, EnrichmentRequest
from archon.contracts.workflow import EnrichDocumentInput, EnrichmentOutcome, WorkflowStatus

MODELS: dict[str, type[BaseModel]] = {
    "tree.index.v1": DocumentSubmission,
    "enrich-document.v1": EnrichmentRequest,
    "enrich-document-dlq.v1": DeadLetter,
    "enrichment-completed.v1": EnrichmentCompleted,
    "enrichment-progress.v1": EnrichmentProgress,
    "document-accepted": DocumentAccepted,
    "document-view": DocumentView,
    "search-results": SearchResults,
    "analysis-request": AnalysisRequest,
    "analysis-result": AnalysisResult,
    "service-version": ServiceVersion,
    "workflow-input": EnrichDocumentInput,
    "workflow-outcome": EnrichmentOutcome,
    "workflow-status": WorkflowStatus,
}


def schema_files() -> dict[str, str]:
    """File name to content, as they are to stand in docs/schemas."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"
        for name, model in MODELS.items()
    }


def main(directory: str) -> None:
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    for name, content in schema_files().items():
        (target / name).write_text(content)


if __name__ == "__main__":
    main(sys.argv[1])
