"""Two keys on one bridge: neither can see the other's actions, or their effects.

A project with a neighbour is compared with a control project that has the same history without a neighbour:
both must look the same by content, status, count, score and order.
"""

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archon.runtime.settings import Settings
from tests.e2e.keyed import KeyedBridge, add_key, client, keyed_bridge
from tests.eventually import eventually
from tests.examples import examples

pytestmark = [pytest.mark.threat, pytest.mark.timeout(600)]
BRIDGE = "/api/bridge"
PATHS = ("src/a.py", "src/b.py", "docs/c.md")
TEXTS = (
    "import a\n\ndef tarpon(): return 'tarpon'\n",
    "def heron(): return tarpon()\n\ndef egret(): return 'tarpon heron'\n",
    "# Herons\n\nA heron and a tarpon.\n",
    "nothing\n",
)
CODE = (
    *(("find", {"name": "*"}), ("outline", {}), ("callers", {"symbol": "tarpon", "depth": "3"})),
    *(("impact", {"symbol": "tarpon"}), ("show", {"symbol": "heron"}), ("neighbours", {"symbol": "heron"})),
)
"""Questions about the code of a project."""
QUERIES = ("tarpon", "heron egret", "where is a tarpon returned")
Work = tuple[str, str, str]
"""The action, the path, and the text."""

own = st.tuples(
    st.sampled_from(["index", "index", "index", "remove"]), st.sampled_from(PATHS), st.sampled_from(TEXTS)
)
hostile = st.tuples(
    st.sampled_from(
        [
            *("take id", "take own id", "take path", "post to it", "batch", "flood"),
            *("read", "retry", "discard", "delete", "delete all", "follow", "search", "list", "question"),
        ]
    ),
    st.sampled_from(PATHS),
    st.sampled_from(TEXTS),
)


class Project:
    """A key's project, and its answers."""

    def __init__(self, keyed: KeyedBridge) -> None:
        self.name = f"project-{uuid4().hex[:10]}"
        self.http = client(keyed.settings, add_key(keyed.keys, [self.name]))
        self.ids: dict[str, str] = {}

    async def do(self, work: Work) -> None:
        what, path, text = work
        if what == "index":
            body = {"project_id": self.name, "source_path": path, "document_id": path, "full_text": text}
            answer = await self.http.post(f"{BRIDGE}/document", json=body)
            assert answer.status_code == 200, answer.text
            self.ids[path] = answer.json()["document_id"]
            await self.settled()
        elif path in self.ids:
            url = f"{BRIDGE}/document/{self.ids[path]}"
            assert (await self.http.delete(url)).status_code in {200, 202, 404}

            async def gone() -> bool:
                return (await self.http.get(url)).status_code == 404

            await eventually(gone)

    async def settled(self) -> None:
        async def ended() -> bool:
            found = (await self.http.get(f"{BRIDGE}/statistics")).json()["statuses"]
            return set(found) <= {"completed"}

        await eventually(ended)

    async def sees(self) -> str:
        """Everything that its key can see, without values that distinguish projects, and without times."""
        listing = (await self.http.get(f"{BRIDGE}/documents", params={"limit": 100})).json()["documents"]
        listing.sort(key=lambda each: each["file_path"])
        documents = [
            (await self.http.get(f"{BRIDGE}/document/{each['document_id']}")).json() for each in listing
        ]
        hits = [
            (await self.http.get(f"{BRIDGE}/search", params={"q": query, "mode": mode, "limit": 50})).json()
            for query in QUERIES
            for mode in ("lexical", "dense", "combined")
        ]
        for each in hits:
            # The order of equal scores depends on ids.
            each["hits"].sort(key=lambda hit: (-hit["score"], hit["file_path"], hit["start_line"]))
        rest = [
            (await self.http.get(f"{BRIDGE}/{path}")).json()
            for path in ("statistics", "parked", "dead-letters")
        ]
        code = [
            await self._code(question, params)
            for question, params in CODE
            if listing or question in {"find", "outline"}
        ]
        return self._told([listing, documents, hits, rest, code])

    async def _code(self, question: str, params: dict[str, str]) -> Any:
        """An answer about its code; the order of equal entries depends on ids."""
        url, given = f"{BRIDGE}/graph/{question}", {**params, "project": self.name}
        found = (await self.http.get(url, params=given)).json()
        found.pop("correlation_id", None)
        return {
            name: sorted(map(self._told, value)) if isinstance(value, list) else value
            for name, value in found.items()
        }

    def _told(self, answers: Any) -> str:
        text = json.dumps(answers, indent=1).replace(self.name, "PROJECT")
        for path, document_id in self.ids.items():
            text = text.replace(document_id, f"ID OF {path}")
        text = re.sub(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "UUID", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "TIME", text)
        # Vectors are float32, summed in the order of their ids.
        return re.sub(r"(?<=\d\.\d{4})\d+", "", text)


class Neighbour:
    """Has the key of another project, and knows everything about the project that it attacks."""

    def __init__(self, keyed: KeyedBridge, victim: Project) -> None:
        self.name = f"project-{uuid4().hex[:10]}"
        self.http = client(keyed.settings, add_key(keyed.keys, [self.name]))
        self._victim = victim
        self._taken: set[str] = set()

    async def do(self, work: Work) -> None:
        what, path, text = work
        # An existing id, or another one: it must make no difference.
        document_id = self._victim.ids.get(path) or str(uuid4())
        if what in {"take id", "batch"}:
            self._taken.add(document_id)
        if what in {"take id", "take own id", "take path", "flood"}:
            given = {"take id": document_id, "take own id": path}.get(what)
            for number in range(20 if what == "flood" else 1):
                body = {"project_id": self.name, "source_path": path, "full_text": text + "\n" * number}
                found = await self._post(body | ({"document_id": given} if given else {}))
                assert found.status_code == 200, found.text
                assert found.json()["document_id"] != document_id
        elif what == "post to it":
            body = {"project_id": self._victim.name, "source_path": path, "full_text": text}
            assert (await self._post(body)).status_code == 403
        elif what == "batch":
            bodies = [
                {"project_id": name, "source_path": path, "full_text": text, "document_id": document_id}
                for name in (self._victim.name, self.name)
            ]
            answer = await self.http.post(f"{BRIDGE}/documents", json={"documents": bodies})
            first, second = answer.json()["results"]
            assert first["problem"]["status"] == 403
            assert second["document"]["document_id"] != document_id
        elif what in {"read", "retry", "discard", "delete", "follow"}:
            # An id that it has used for its own document finds that document.
            if document_id not in self._taken:
                await self._refused_alike(what, document_id)
        else:
            await self._limited(what)

    async def _post(self, body: dict[str, Any]) -> httpx.Response:
        return await self.http.post(f"{BRIDGE}/document", json=body)

    async def _refused_alike(self, what: str, document_id: str) -> None:
        method, end = {
            "read": ("GET", ""),
            "retry": ("POST", "/retry"),
            "discard": ("POST", "/discard"),
            "delete": ("DELETE", ""),
            "follow": ("GET", "/events"),
        }[what]
        nobody = str(uuid4())
        answers = [
            await self.http.request(method, f"{BRIDGE}/document/{each}{end}")
            for each in (document_id, nobody)
        ]
        assert {answer.status_code for answer in answers} == {404}
        known, unknown = (
            self._shown(answer, each) for answer, each in zip(answers, (document_id, nobody), strict=True)
        )
        assert known == unknown

    def _shown(self, answer: httpx.Response, document_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(answer.text.replace(document_id, "ID"))
        del shown["correlation_id"]
        return shown

    async def _limited(self, what: str) -> None:
        if what == "delete all":
            assert (await self.http.delete(f"{BRIDGE}/projects/{self._victim.name}")).status_code == 403
            return
        path, params = {
            "search": ("search", {"q": "tarpon"}),
            "list": ("documents", {}),
            "question": ("graph/find", {"name": "*"}),
        }[what]
        named = await self.http.get(f"{BRIDGE}/{path}", params={**params, "project": self._victim.name})
        assert named.status_code == 403
        own = {"project": self.name} if what == "question" else {}
        found = await self.http.get(f"{BRIDGE}/{path}", params={**params, **own})
        assert self._victim.name not in found.text
        assert not any(each in found.text for each in self._victim.ids.values())


@pytest.fixture(scope="module")
async def keyed(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KeyedBridge]:
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    add_key(keys, "*")
    async with keyed_bridge(stack, keys) as bridge:
        yield bridge


@settings(
    max_examples=examples(6),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # each try takes seconds
    suppress_health_check=[HealthCheck.too_slow],
)
@given(works=st.lists(st.one_of(own, hostile), min_size=8, max_size=20))
async def test_a_project_looks_the_same_whatever_its_neighbour_does(
    keyed: KeyedBridge, works: Sequence[Work]
) -> None:
    project, control = Project(keyed), Project(keyed)
    neighbour = Neighbour(keyed, project)
    for work in works:
        if work[0] in {"index", "remove"}:
            await project.do(work)
            await control.do(work)
        else:
            await neighbour.do(work)
    assert await project.sees() == await control.sees()
    for each in (project, control, neighbour):
        await each.http.aclose()
