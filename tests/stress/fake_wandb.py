"""A W&B server of the few answers that a run needs, which can go silent or away in the middle of it."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

KEY = "0123456789abcdef" * 2 + "01234567"


class FakeWandb:
    """Listens on a free port of this machine; keeps what it is sent."""

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []
        """Logged metrics, a dict a line."""
        self.asked: list[str] = []
        """Names of the GraphQL operations, and paths of other requests."""
        self.mode = "answers"
        """`answers`, `silent` (accepts and never answers) or `broken` (status 500)."""
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def go_away(self) -> None:
        """Refuse connections from now on."""
        self.mode = "silent"  # connections that are open get no answer
        self._server.shutdown()
        self._server.server_close()

    def graphql(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of the answer to an operation."""
        project = {
            "id": "cHJvamVjdA==",
            "name": variables.get("project") or "patois",
            "entity": {"id": "ZQ==", "name": "me"},
        }
        run = {
            "id": "cnVu", "name": variables.get("name") or variables.get("run"), "displayName": "mine", "description": "",
            "config": "{}", "sweepName": None, "project": project, "historyLineCount": 0,
        }  # fmt: skip
        if name == "UpsertBucket":
            return {"upsertBucket": {"bucket": run, "inserted": True}}
        if name == "Viewer":
            return {
                "viewer": {
                    "id": "dXNlcg==",
                    "entity": "me",
                    "username": "me",
                    "flags": "{}",
                    "teams": {"edges": []},
                }
            }
        if name == "RunResumeStatus":
            return {
                "model": {
                    "id": "cHJvamVjdA==",
                    "name": "patois",
                    "entity": {"id": "ZQ==", "name": "me"},
                    "bucket": None,
                }
            }
        if name == "CreateRunFiles":
            files = [
                {"name": file, "uploadUrl": f"{self.url}/upload/{n}"}
                for n, file in enumerate(variables["files"])
            ]
            return {"createRunFiles": {"runID": "cnVu", "uploadHeaders": [], "files": files}}
        return {}


class _Handler(http.server.BaseHTTPRequestHandler):
    fake: FakeWandb
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.fake.mode == "silent":
            time.sleep(3600)
        name, answer = self.path, {}
        if self.path == "/graphql":
            request = json.loads(body)
            found = re.search(r"(?:query|mutation) (\w+)", request["query"])
            name = found[1] if found else "?"
            answer = {"data": self.fake.graphql(name, request.get("variables") or {})}
            if "Artifact" in name:  # W&B's process dies of an empty answer
                answer = {"errors": [{"message": "this server keeps no artifacts"}]}
        elif self.path.endswith("/file_stream"):
            sent = json.loads(body).get("files", {}).get("wandb-history.jsonl", {})
            self.fake.history += [json.loads(line) for line in sent.get("content", [])]
            answer = {"exitcode": None, "limits": {}}
        self.fake.asked.append(name)
        content = json.dumps(answer).encode()
        self.send_response(200 if self.fake.mode == "answers" else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = handle_any

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def fake_wandb() -> Iterator[FakeWandb]:
    """Run a server for the time of a block."""
    fake = FakeWandb()
    try:
        yield fake
    finally:
        with contextlib.suppress(OSError):
            fake.go_away()
