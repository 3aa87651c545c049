"""The desk's API on a real SQLite file, with people who sign in over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

import pitstop.care.tables
import pitstop.conversation.tables
import pitstop.storage.events
from pitstop.base import clock
from pitstop.care import staff
from pitstop.care.tables import Customer, Vehicle, VehicleLink
from pitstop.desk.routes import setup
from pitstop.desk.session import CSRF_HEADER
from pitstop.storage.appkeys import BROADCAST, DATABASE
from pitstop.storage.broadcast import Broadcast
from pitstop.storage.database import Database
from pitstop.storage.tables import metadata

PASSWORD = "a-long-password"
PEOPLE = {
    "li": "agent",
    "wang": "agent",
    "zhou": "supervisor",
    "fang": "editor",
    "guan": "admin",
}


class Desk:
    """One person's browser at the desk."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.csrf = ""

    async def sign_in(self, username: str, password: str = PASSWORD) -> ClientResponse:
        answer = await self.client.post(
            "/api/desk/login", json={"username": username, "password": password}
        )
        if answer.status == 200:
            self.csrf = (await answer.json())["csrf_token"]
        return answer

    async def get(self, path: str, status: int = 200) -> Any:
        answer = await self.client.get(f"/api/desk/{path}")
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.client.post(
            f"/api/desk/{path}", json=body, headers={CSRF_HEADER: self.csrf}
        )
        assert answer.status == status, await answer.text()
        return await answer.json()


SignIn = Callable[[str], Awaitable[Desk]]


@pytest.fixture(autouse=True)
def real_time() -> Iterator[None]:
    yield
    clock.set_offset(timedelta())


@pytest.fixture(scope="session")
def hashed() -> str:
    return staff.hash_password(PASSWORD)


@pytest.fixture
async def database(tmp_path: Path, hashed: str) -> AsyncIterator[Database]:
    opened = Database(f"sqlite+aiosqlite:///{tmp_path}/desk.db")
    async with opened.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with opened.write() as session:
        for username, role in PEOPLE.items():
            session.add(
                pitstop.care.tables.Staff(
                    username=username, name=f"小{username}", role=role, password_hash=hashed
                )
            )
        session.add(Customer(id="owner-1", name="陈静", phone="13912345678", city="上海"))
        session.add(Customer(id="owner-2", name="孙浩"))
        session.add(
            Vehicle(
                id="car-1", plate="沪A12345", plate_index="p1", vin="LYXTEST0000012345",
                vin_index="v1", model="YS6", pack_kwh=75,
            )
        )  # fmt: skip
        await session.flush()
        session.add(VehicleLink(customer_id="owner-1", vehicle_id="car-1", relation="owner"))
    yield opened
    await opened.close()


@pytest.fixture
async def server(database: Database) -> AsyncIterator[TestServer]:
    async def listen(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(app[BROADCAST].run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = web.Application()
    app[DATABASE] = database
    app[BROADCAST] = Broadcast(database, every=0.02)
    app.cleanup_ctx.append(listen)
    setup(app)
    started = TestServer(app)
    await started.start_server()
    yield started
    await started.close()


@pytest.fixture
async def browsers(server: TestServer) -> AsyncIterator[Callable[[], Desk]]:
    opened: list[TestClient] = []

    def browser() -> Desk:
        opened.append(TestClient(server))
        return Desk(opened[-1])

    yield browser
    for client in opened:
        await client.session.close()


@pytest.fixture
def sign_in(browsers: Callable[[], Desk]) -> SignIn:
    async def open_desk(username: str) -> Desk:
        desk = browsers()
        assert (await desk.sign_in(username)).status == 200
        return desk

    return open_desk


@pytest.fixture
async def agent(sign_in: SignIn) -> Desk:
    return await sign_in("li")
