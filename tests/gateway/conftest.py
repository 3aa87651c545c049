"""The app on a database of its own, beside a scripted bot."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import create_engine

from pitstop.app.main import init_app
from pitstop.app.tables import all_tables
from pitstop.base import clock
from pitstop.base.crypto import blind_index
from pitstop.base.settings import DEMO_SECRETS, Settings, read_settings
from pitstop.care.tables import Customer, Staff, Vehicle, VehicleLink
from pitstop.gateway.keys import ROUTER
from pitstop.storage.appkeys import DATABASE
from pitstop.storage.database import Database
from tests.gateway.fake_bot import FakeBot

SECRET = DEMO_SECRETS["OWNER_JWT_SECRET"]
Answered = dict[str, Any]


def token(subject: str, **claims: Any) -> str:
    """Return an owner's token, good for ten minutes."""
    return jwt.encode({"sub": subject, "exp": int(time.time()) + 600, **claims}, SECRET, "HS256")


def bearer(subject: str) -> dict[str, str]:
    """Return the header that signs an owner in."""
    return {"Authorization": f"Bearer {token(subject)}"}


class Owner:
    """Somebody with the brand's app."""

    def __init__(self, client: TestClient, customer_id: str) -> None:
        self.client = client
        self.id = customer_id
        self.headers = bearer(customer_id)
        self._count = 0

    async def post(self, body: Any, *, path: str = "/api/owner/messages") -> tuple[int, Any]:
        """Post JSON; return the status and the answer."""
        async with self.client.post(path, json=body, headers=self.headers) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        """Get JSON that must be there."""
        async with self.client.get(path, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def say(self, text: str) -> Answered:
        """Write a text under a new id."""
        return await self._send({"text": text})

    async def press(self, payload: str) -> Answered:
        """Press a button."""
        return await self._send({"payload": payload})

    async def _send(self, body: dict[str, Any]) -> Answered:
        self._count += 1
        status, answer = await self.post({"id": f"{self.id}-{self._count}", **body})
        assert status == 200, answer
        return answer

    async def log(self) -> list[dict[str, Any]]:
        """Return the whole conversation."""
        return (await self.get("/api/owner/messages"))["messages"]

    async def state(self) -> dict[str, Any]:
        """Return who has the word."""
        return await self.get("/api/owner/conversation")


def texts(answer: Answered) -> list[str]:
    """Return what an answer says."""
    return [message["text"] for message in answer["messages"]]


def button(answer: Answered, title: str) -> str:
    """Return the payload of the button with this title."""
    for message in answer["messages"]:
        for one in message["buttons"]:
            if one["title"] == title:
                return one["payload"]
    raise AssertionError(f"no button {title!r} in {answer}")


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 5) -> Any:
    """Wait until `check` returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = await check()
        if found:
            return found
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.05)


@pytest.fixture
async def bot() -> AsyncIterator[FakeBot]:
    fake = FakeBot()
    await fake.server.start_server()
    yield fake
    await fake.server.close()


@pytest.fixture
def config(tmp_path: Path, bot: FakeBot) -> Settings:
    env = {"DEMO": "1", "PITSTOP_VAR": str(tmp_path), "RASA_URL": bot.url, "ACTIONS_URL": bot.url}
    return replace(read_settings(env), turn_timeout=2.0, worker=False)


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the tables and nothing in them: made once, copied for each test."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    engine = create_engine(f"sqlite:///{path}")
    all_tables().create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
async def database(config: Settings, schema: Path) -> AsyncIterator[Database]:
    """A database with two owners, a car each, and an agent."""
    shutil.copy(schema, config.database_url.split("///")[1])
    made = Database(config.database_url)
    async with made.write() as session:
        for number, (name, phone, plate) in enumerate(
            [("陈一", "13800000001", "沪AD10001"), ("王二", "13800000002", "沪AD10002")], 1
        ):
            session.add(
                Customer(
                    id=f"owner-{number}",
                    name=name,
                    phone=phone,
                    phone_index=blind_index(phone),
                )
            )
            vin = f"LYXTESTCAR000000{number}"
            session.add(
                Vehicle(
                    id=f"car-{number}",
                    plate=plate,
                    plate_index=blind_index(plate),
                    vin=vin,
                    vin_index=blind_index(vin),
                    model="YS6",
                    pack_kwh=75,
                )
            )
            await session.flush()
            session.add(
                VehicleLink(
                    customer_id=f"owner-{number}",
                    vehicle_id=f"car-{number}",
                    relation="owner",
                    since=clock.now(),
                )
            )
        session.add(
            Staff(id="agent-1", username="xiaoli", name="小李", role="agent", password_hash="x")
        )
    yield made
    await made.close()


@pytest.fixture
async def start(
    database: Database,
) -> AsyncIterator[Callable[[Settings], Awaitable[TestClient]]]:
    """Start an app; several may run on the same database."""
    clients: list[TestClient] = []

    async def run(config: Settings) -> TestClient:
        client = TestClient(TestServer(init_app(config)))
        await client.start_server()
        clients.append(client)
        return client

    yield run
    for client in clients:
        await client.close()


@pytest.fixture
async def client(
    start: Callable[[Settings], Awaitable[TestClient]], config: Settings
) -> TestClient:
    return await start(config)


@pytest.fixture
def owner(client: TestClient) -> Owner:
    return Owner(client, "owner-1")


@pytest.fixture
def other(client: TestClient) -> Owner:
    return Owner(client, "owner-2")


@pytest.fixture
def router(client: TestClient) -> Any:
    assert client.app is not None
    return client.app[ROUTER]


__all__ = ["DATABASE", "Owner", "bearer", "button", "eventually", "texts", "token"]
