"""An agent at the desk, over HTTP."""

from __future__ import annotations

from typing import Any

import requests

from tests.stack.stack import Stack


class Agent:
    """One member of staff, signed in."""

    def __init__(self, stack: Stack, username: str = "agent1") -> None:
        self.stack = stack
        self.username = username
        self._session = requests.Session()
        self._session.trust_env = False
        self.log_in()

    def log_in(self) -> None:
        """Sign in with the demo's password."""
        body = {"username": self.username, "password": f"pitstop-{self.username}"}
        answer = self._session.post(f"{self.stack.url}/api/desk/login", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        self._session.headers["X-CSRF-Token"] = answer.json()["csrf_token"]

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def get(self, path: str) -> Any:
        """Get JSON that must be there."""
        answer = self._session.get(f"{self.stack.url}/api/desk/{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        """Post JSON, whatever comes of it."""
        return self._session.post(f"{self.stack.url}/api/desk/{path}", json=body or {}, timeout=30)

    def _done(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def queue(self, customer_id: str | None = None) -> list[dict[str, Any]]:
        """Return the open handoffs, the most urgent first."""
        found = self.get("queue")["handoffs"]
        return [one for one in found if customer_id in {None, one["customer"]["id"]}]

    def detail(self, handoff_id: str) -> dict[str, Any]:
        """Return a handoff with its conversation."""
        found: dict[str, Any] = self.get(f"handoffs/{handoff_id}")
        return found

    def accept(self, handoff_id: str) -> dict[str, Any]:
        """Take a conversation over."""
        return self._done(f"handoffs/{handoff_id}/accept")

    def take(self, customer_id: str) -> str:
        """Accept the open handoff of a customer and return its id."""
        found = self.queue(customer_id)
        assert len(found) == 1, found
        self.accept(found[0]["id"])
        return str(found[0]["id"])

    def reply(self, handoff_id: str, text: str, *, client_id: str | None = None) -> dict[str, Any]:
        """Write to the owner."""
        body = {"id": client_id or self.stack.new_id(), "text": text}
        return self._done(f"handoffs/{handoff_id}/reply", body)

    def note(self, handoff_id: str, text: str) -> dict[str, Any]:
        """Write a note for colleagues."""
        return self._done(f"handoffs/{handoff_id}/note", {"text": text})

    def transfer(self, handoff_id: str, to: str) -> dict[str, Any]:
        """Hand over to a colleague, or back to the "queue"."""
        return self._done(f"handoffs/{handoff_id}/transfer", {"to": to})

    def end(self, handoff_id: str, **summary: str) -> dict[str, Any]:
        """End the conversation with a summary."""
        told = {"category": "other", "result": "solved", "text": "已处理", **summary}
        return self._done(f"handoffs/{handoff_id}/end", {"summary": told})
