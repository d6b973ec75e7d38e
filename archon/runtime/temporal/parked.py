"""In: projects. Out: the parked runs, from Temporal's visibility store, which lags slightly."""

import base64
import binascii

from temporalio.client import Client, WorkflowExecution

from archon.contracts import names
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.parked import ParkedRun, ParkedRuns
from archon.contracts.types import EnrichmentStatus, FailureType, Projects
from archon.runtime.temporal import attributes
from archon.runtime.temporal.client import translated


class ParkedQuery:
    """Raises WorkflowUnavailableError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def page(self, projects: Projects, after: str | None, limit: int) -> ParkedRuns:
        """Starts at `after`, the `next` of a page. Raises InvalidInputError if it is invalid."""
        token = None if after is None else _decoded(after)
        with translated():
            found = self._client.list_workflows(_query(projects), page_size=limit, next_page_token=token)
            await found.fetch_next_page()
        following = found.next_page_token
        return ParkedRuns(
            [_run(each) for each in found.current_page or []],
            base64.urlsafe_b64encode(following).decode() if following else None,
        )

    async def count(self, projects: Projects) -> int:
        with translated():
            return (await self._client.count_workflows(_query(projects))).count


def _query(projects: Projects) -> str:
    return attributes.open_query_of(projects, EnrichmentStatus.FAILED)


def _decoded(after: str) -> bytes:
    try:
        return base64.b64decode(after, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("after", "is not the `next` of a page") from error


def _run(execution: WorkflowExecution) -> ParkedRun:
    found, (document_id, content_hash) = execution.typed_search_attributes, names.of_run(execution.id)
    version, failure = found.get(attributes.DOCUMENT_VERSION), found.get(attributes.FAILURE_TYPE)
    return ParkedRun(
        workflow_id=execution.id,
        document_id=found.get(attributes.DOCUMENT_ID) or document_id,
        content_hash=content_hash,
        project_name=found.get(attributes.PROJECT_NAME) or "",
        file_path=found.get(attributes.FILE_PATH) or "",
        version=int(version) if version else None,
        failure_type=FailureType(failure) if failure in set(FailureType) else None,
        started_at=execution.start_time,
    )
