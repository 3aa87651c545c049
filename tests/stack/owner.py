"""An owner with the brand's app, over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import jwt
import requests

from pitstop.base.settings import DEMO_SECRETS
from tests.stack.stack import Stack

Answer = dict[str, Any]

WEEKDAY = re.compile(r"周[一二三四五六日]")
CLAIM = re.compile(r"已(约|锁|登记|取消|转|改)|约好了|改好了|单号")
"""What may only be said of something that was done."""


def heard(answer: Answer) -> str:
    """Return everything that was said, joined."""
    return "\n".join(message["text"] for message in answer["messages"])


def buttons(answer: Answer) -> dict[str, str]:
    """Return every button of an answer, title to payload."""
    return {
        button["title"]: button["payload"]
        for message in answer["messages"]
        for button in message["buttons"]
    }


def button(answer: Answer, title: str) -> str:
    """Return the payload of the first button whose title contains `title`."""
    found = buttons(answer)
    for name, payload in found.items():
        if title in name:
            return payload
    raise AssertionError(f"no button {title!r} among {list(found)}; heard: {heard(answer)}")


def cards(answer: Answer, kind: str | None = None) -> list[dict[str, Any]]:
    """Return the cards of an answer."""
    found = [message["card"] for message in answer["messages"] if message["card"]]
    return [card for card in found if kind is None or card["type"] == kind]


def assert_read_back(text: str, booking: dict[str, Any]) -> None:
    """Check that what was said is what was booked: reference, place, day, weekday and time."""
    start = datetime.fromisoformat(booking["start"])
    assert booking["reference"] in text, text
    assert f"{start.month}月{start.day}日" in text, text
    assert "周" + "一二三四五六日"[start.weekday()] in text, text
    assert f"{start:%H:%M}" in text, text
    assert booking["place"]["name"] in text, text


def assert_nothing_claimed(answers: Iterable[Answer] | Answer) -> None:
    """Check that nothing was said to have happened."""
    for answer in [answers] if isinstance(answers, dict) else answers:
        assert not CLAIM.search(heard(answer)), heard(answer)
        assert not cards(answer, "booking"), answer


class Owner:
    """One customer. `say` and the like return the contract's answer."""

    def __init__(self, stack: Stack, customer_id: str) -> None:
        self.stack = stack
        self.id = customer_id
        claims = {"sub": customer_id, "exp": int(time.time()) + 3600}
        token = jwt.encode(claims, DEMO_SECRETS["OWNER_JWT_SECRET"], "HS256")
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, body: Any, *, path: str = "/api/owner/messages") -> requests.Response:
        """Post JSON; safe to call from several threads."""
        return requests.post(self.stack.url + path, json=body, headers=self.headers, timeout=30)

    def send(self, *, message_id: str | None = None, **body: Any) -> Answer:
        """Send one message under a new id, unless one is given; it must be taken."""
        answer = self.post({"id": message_id or self.stack.new_id(), **body})
        assert answer.status_code == 200, answer.text
        said: Answer = answer.json()
        return said

    def say(self, text: str, *, message_id: str | None = None) -> Answer:
        """Write a text."""
        return self.send(message_id=message_id, text=text)

    def press(self, payload: str, *, message_id: str | None = None) -> Answer:
        """Press a button."""
        return self.send(message_id=message_id, payload=payload)

    def locate(self, lat: float, lng: float) -> Answer:
        """Share a position."""
        return self.send(location={"lat": lat, "lng": lng})

    def upload(self, name: str, content: bytes, content_type: str) -> dict[str, Any]:
        """Upload a file."""
        answer = requests.post(
            f"{self.stack.url}/api/owner/attachments",
            files={"file": (name, content, content_type)},
            headers=self.headers,
            timeout=30,
        )
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def attach(self, name: str, content: bytes, content_type: str) -> Answer:
        """Upload a file and send it."""
        return self.send(attachment_id=self.upload(name, content, content_type)["id"])

    def get(self, path: str) -> Any:
        """Get JSON that must be there."""
        answer = requests.get(self.stack.url + path, headers=self.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def history(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the conversation, oldest first."""
        found: list[dict[str, Any]] = self.get(f"/api/owner/messages?after={after}")["messages"]
        return found

    def here(self) -> int:
        """Return the number of the last line, to look at what comes after it."""
        lines = self.history()
        return int(lines[-1]["seq"]) if lines else 0

    def bookings(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the owner's bookings, past and cancelled ones too."""
        found = self.get("/api/owner/bookings")["bookings"]
        return [one for one in found if kind is None or one["kind"] == kind]

    def complaints(self) -> list[dict[str, Any]]:
        """Return the owner's complaints."""
        found: list[dict[str, Any]] = self.get("/api/owner/complaints")["complaints"]
        return found

    def cases(self) -> list[dict[str, Any]]:
        """Return the owner's cases of every kind."""
        found: list[dict[str, Any]] = self.get("/api/owner/cases")["cases"]
        return found

    def conversation(self) -> dict[str, Any]:
        """Return who has the word."""
        found: dict[str, Any] = self.get("/api/owner/conversation")
        return found

    @property
    def conversation_id(self) -> str:
        """Return the id of the conversation, once it has begun."""
        return str(self.stack.rows("conversation", customer_id=self.id)[0]["id"])
