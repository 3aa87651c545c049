"""Complaints from elsewhere: filed once, and with whom they belong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from pitstop.base.settings import Settings
from pitstop.care.tables import Case
from pitstop.storage.database import Database
from tests.gateway.conftest import Owner

KEY = {"X-API-Key": "demo-complaints-key"}


def complaint(**changes: Any) -> dict[str, Any]:
    return {
        "source": "hotline",
        "external_id": "H-1",
        "text": "充电桩一直报错，没人处理",
        "customer": {"phone": "13800000001"},
        "vehicle": None,
        "created_at": "2026-11-20T10:00:00+08:00",
        **changes,
    }


async def send(
    client: Any, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    async with client.post(
        "/api/complaints", json=body, headers=KEY if headers is None else headers
    ) as response:
        return response.status, await response.json()


async def cases(database: Database) -> list[Case]:
    async with database.read() as session:
        return list((await session.execute(select(Case))).scalars())


async def test_filed_and_seen_by_its_owner(
    client: Any, owner: Owner, other: Owner, database: Database
) -> None:
    status, filed = await send(client, complaint())
    assert status == 200
    assert set(filed) == {"number", "category", "severity", "respond_by"}
    mine = (await owner.get("/api/owner/complaints"))["complaints"]
    assert [one["number"] for one in mine] == [filed["number"]]
    assert (await other.get("/api/owner/complaints"))["complaints"] == []
    assert (await owner.get("/api/owner/cases"))["cases"][0]["number"] == filed["number"]


async def test_same_external_id_is_the_same_complaint(client: Any, database: Database) -> None:
    first = await send(client, complaint())
    again = await send(client, complaint(text="换个说法"))
    bearer = await send(client, complaint(), {"Authorization": "Bearer demo-complaints-key"})
    assert first == again == bearer
    assert len(await cases(database)) == 1


async def test_threats_are_p1(client: Any) -> None:
    _, filed = await send(client, complaint(text="再不解决我就打12315曝光"))
    assert filed["severity"] == "P1"


@pytest.mark.parametrize(
    "phone", ["+86 138-0000-0001", "008613800000001", "１３８０００００００１"]
)
async def test_phone_in_other_writings(client: Any, owner: Owner, phone: str) -> None:
    assert (await send(client, complaint(customer={"phone": phone})))[0] == 200
    assert len((await owner.get("/api/owner/complaints"))["complaints"]) == 1


async def test_plate_alone_is_its_owners(client: Any, other: Owner) -> None:
    body = complaint(customer=None, vehicle={"plate": "沪A·d10002"})
    assert (await send(client, body))[0] == 200
    assert len((await other.get("/api/owner/complaints"))["complaints"]) == 1


async def test_a_strangers_phone_beats_the_plate(
    client: Any, owner: Owner, database: Database
) -> None:
    body = complaint(customer={"phone": "13900000009"}, vehicle={"plate": "沪AD10001"})
    await send(client, body)
    case = (await cases(database))[0]
    assert (case.customer_id, case.vehicle_id) == (None, "car-1")
    assert (await owner.get("/api/owner/complaints"))["complaints"] == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"Authorization": "Basic x"}],
)
async def test_no_key_no_complaint(
    client: Any, database: Database, headers: dict[str, str]
) -> None:
    status, body = await send(client, complaint(), headers)
    assert (status, body["error"]["code"]) == (401, "bad_api_key")
    assert await cases(database) == []


async def test_without_any_key_configured(start: Any, config: Settings, database: Database) -> None:
    client = await start(replace(config, complaints_api_keys={}))
    assert (await send(client, complaint(), {"X-API-Key": ""}))[0] == 401
    assert (await send(client, complaint()))[0] == 401


async def test_two_partners_do_not_meet(start: Any, config: Settings, database: Database) -> None:
    client = await start(replace(config, complaints_api_keys={"k1": "api", "k2": "api"}))
    _, one = await send(client, complaint(), {"X-API-Key": "k1"})
    _, two = await send(client, complaint(), {"X-API-Key": "k2"})
    assert one["number"] != two["number"]
    assert len(await cases(database)) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": ""}, "bad_source"),
        ({"source": None}, "bad_source"),
        ({"external_id": ""}, "bad_external_id"),
        ({"external_id": "x" * 81}, "bad_external_id"),
        ({"text": ""}, "empty_text"),
        ({"text": "长" * 4001}, "text_too_long"),
        ({"customer": "13800000001"}, "bad_request"),
        ({"customer": {"phone": "123"}}, "bad_phone"),
        ({"vehicle": {"plate": "ABC"}}, "bad_plate"),
        ({"created_at": "yesterday"}, "bad_time"),
        ({"created_at": "2026-11-20T10:00:00"}, "bad_time"),
    ],
)
async def test_incomplete_ones_are_refused(
    client: Any, database: Database, changes: dict[str, Any], code: str
) -> None:
    status, body = await send(client, complaint(**changes))
    assert (status, body["error"]["code"]) == (400, code)
    assert await cases(database) == []
