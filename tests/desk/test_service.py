"""The workshop over HTTP: a car from its check-in to the key, and everything that is refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select

from pitstop.base import clock
from pitstop.care import catalogue, closures
from pitstop.care import workshop as work
from pitstop.care.capacity import numbers
from pitstop.care.journeys import Code as JourneyCode
from pitstop.care.refusals import RefusalCode
from pitstop.care.service_tables import Closure, Journey
from pitstop.care.tables import (
    AuditEntry,
    Booking,
    BookingChange,
    Place,
    Resource,
    Tick,
)
from pitstop.care.workshop_jobs import Code
from pitstop.conversation.labels import read_labels
from pitstop.desk import pages, service, service_errors, session
from pitstop.desk.session import unguarded
from pitstop.storage.appkeys import DATABASE
from pitstop.storage.database import Database
from tests.care.desk_help import said
from tests.desk.conftest import Desk, SignIn
from tests.pages import fake_service

MONDAY = datetime(2026, 11, 23, 10, 5, tzinfo=clock.SHANGHAI)
ALL_WEEK = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "08:30", "closes": "19:00"}]


def at(hour: str, day: int = 24) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{hour}").replace(tzinfo=clock.SHANGHAI)


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.set_offset(MONDAY - (clock.now() - clock.offset()))


@pytest.fixture
async def workshop(database: Database) -> Database:
    """A store with a bay, two technicians and a driver, and a booking tomorrow at ten."""
    async with database.write() as writing:
        await catalogue.load_services(writing)
        writing.add(
            Place(id="store-1", kind="service_centre", name="闵行", city="上海", lat=31.1,
                  lng=121.4, hours=ALL_WEEK, reach_km=30.0)
        )  # fmt: skip
        writing.add(Place(id="store-2", kind="service_centre", name="浦东", city="上海", lat=31.2,
                          lng=121.5, hours=ALL_WEEK))  # fmt: skip
        await writing.flush()
        for key, kind, label in (
            ("bay-1", "bay", "工位1"),
            ("t-1", "technician", "王建国"),
            ("t-2", "technician", "李卫东"),
            ("d-1", "driver", "专员1"),
        ):
            skills = ["general"] if kind == "technician" else []
            writing.add(Resource(id=key, place_id="store-1", kind=kind, label=label, skills=skills))
        await writing.flush()
        await add_booking(writing, "b-1", at("10:00"), at("11:00"))
    return database


async def add_booking(writing: Any, key: str, start: datetime, end: datetime, **more: Any) -> None:
    values = {
        "id": key, "reference": f"BK-{key}", "customer_id": "owner-1", "vehicle_id": "car-1",
        "kind": "maintenance", "service": "inspection", "services": ["inspection"],
        "place_id": "store-1", "start": start, "end": end, "technician_id": "t-1",
        "note": "到了打13912345678", **more,
    }  # fmt: skip
    writing.add(Booking(**values))
    await writing.flush()
    for lane in ("bay-1", "t-1"):
        for number in numbers(start, end):
            writing.add(Tick(resource_id=lane, number=number, booking_id=key))


@pytest.fixture
async def server(workshop: Database) -> AsyncIterator[TestServer]:
    app = web.Application()
    app[DATABASE] = workshop
    app[session.THROTTLE] = session.Throttle()
    app.router.add_post("/api/desk/login", unguarded(session.log_in))
    app.add_routes(service.service_routes())
    started = TestServer(app)
    await started.start_server()
    yield started
    await started.close()


async def booking_of(database: Database, key: str = "b-1") -> Booking:
    async with database.read() as reading:
        found: Booking = await reading.get(Booking, key)
        return found


async def changes(database: Database) -> int:
    async with database.read() as reading:
        query = select(func.count()).select_from(BookingChange)
        return int((await reading.execute(query)).scalar_one())


async def test_places_and_a_day_are_read(agent: Desk) -> None:
    found = await agent.get("service/places")
    assert [one["id"] for one in found["places"]] == ["store-1", "store-2"]
    assert found["now"].startswith("2026-11-23T10:05")
    day = await agent.get("service/day?place=store-1&day=2026-11-24")
    assert [one["label"] for one in day["lanes"]] == ["工位1", "专员1", "王建国", "李卫东"]
    (one,) = day["bookings"]
    assert (one["names"], one["step"], one["technician_id"]) == (["故障检查"], "booked", "t-1")
    assert {hold["lane"] for hold in one["holds"]} == {"bay-1", "t-1"}
    assert "沪A12345" not in str(day) and one["vehicle"]["plate"] == "沪A***45"
    today = await agent.get("service/day?place=store-1")
    assert (today["day"], today["bookings"]) == ("2026-11-23", [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "place_missing"),
        ("?place=store-1&day=24.11.", "bad_day"),
        ("?place=store-1&day=9999-12-31", "bad_day"),
    ],
)
async def test_a_day_that_cannot_be_read_is_said(agent: Desk, query: str, code: str) -> None:
    told = await agent.get(f"service/day{query}", 422)
    assert told["error"]["code"] == code and told["error"]["message"]


async def test_what_is_not_there_is_not_found(agent: Desk) -> None:
    await agent.get("service/day?place=nowhere", 404)
    await agent.get("service/bookings/none", 404)
    await agent.post("service/bookings/none/finish", {"client_id": "1"}, 404)
    await agent.post("service/quotes/none/withdraw", {"client_id": "1"}, 404)
    await agent.post("service/journeys/none/arrive", {"client_id": "1"}, 404)
    await agent.post("service/closures/none/lift", {"client_id": "1"}, 404)


async def test_a_car_goes_through_the_workshop(agent: Desk, workshop: Database) -> None:
    clock.set_offset(at("10:02") - (clock.now() - clock.offset()))
    path = "service/bookings/b-1"
    before = await agent.get(path)
    assert (before["next"], before["may"]) == ([], ["check_in", "move", "cancel"])
    taken = await agent.post(
        f"{path}/check-in", {"client_id": "1", "mileage_km": "18620", "soc": 58, "note": "旧划痕"}
    )
    assert (taken["step"], taken["mileage_km"], taken["soc"]) == ("checked_in", 18620, 58)
    assert taken["next"][0] == "inspecting"
    again = await agent.post(f"{path}/check-in", {"client_id": "1", "mileage_km": 18620})
    assert again["step"] == "checked_in"
    waiting = await agent.post(
        f"{path}/progress",
        {
            "client_id": "2",
            "step": "waiting_parts",
            "note": "前风挡",
            "part_expected_at": at("14:00", 25).isoformat(),
        },
    )
    assert waiting["waits"] == {"what": "前风挡", "expected_at": "2026-11-25T14:00:00+08:00"}
    for number, step in enumerate(("working", "checking", "settling"), 3):
        await agent.post(f"{path}/progress", {"client_id": str(number), "step": step})
    ready = await agent.post(
        f"{path}/progress",
        {"client_id": "r", "step": "ready", "ready_at": "2026-11-24T16:00"},
    )
    assert (ready["ready_at"], ready["may"]) == ("2026-11-24T16:00:00+08:00", ["finish"])
    done = await agent.post(f"{path}/finish", {"client_id": "f"})
    assert (done["status"], done["may"]) == ("done", [])
    told = [line["text"] for line in await said(workshop)]
    assert any("前风挡" in text for text in told) and any("旧划痕" in text for text in told)
    assert [one["change"] for one in done["changes"]][:2] == ["checked_in", "waiting_parts"]
    assert {one["who"] for one in done["changes"]} == {"小li"}


async def test_a_quote_is_sent_shown_and_withdrawn(agent: Desk, workshop: Database) -> None:
    await agent.post("service/bookings/b-1/check-in", {"client_id": "1"})
    lines = [
        {"name": "刹车片", "reason": "2mm", "parts_price": "560", "labour_price": 180.5},
        {"name": "轮胎换位", "labour_price": "100.00"},
    ]
    body = {"client_id": "q", "lines": lines, "note": "建议尽快"}
    shown = await agent.post("service/bookings/b-1/quote", body)
    (quote,) = shown["quotes"]
    assert (shown["step"], quote["total"]["amount"]) == ("quoting", "840.50")
    assert [line["approved"] for line in quote["lines"]] == [None, None]
    twice = await agent.post("service/bookings/b-1/quote", body)
    assert len(twice["quotes"]) == 1
    day = await agent.get("service/day?place=store-1&day=2026-11-24")
    assert day["bookings"][0]["asked"] == 1
    gone = await agent.post(f"service/quotes/{quote['id']}/withdraw", {"client_id": "w"})
    assert [one["status"] for one in gone["quotes"]] == ["withdrawn"]


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("check-in", {}, "client_id_missing"),
        ("check-in", {"client_id": "1", "mileage_km": -1}, "bad_mileage"),
        ("check-in", {"client_id": "1", "mileage_km": "12.5"}, "bad_mileage"),
        ("check-in", {"client_id": "1", "mileage_km": True}, "bad_mileage"),
        ("check-in", {"client_id": "1", "soc": 101}, "bad_soc"),
        ("progress", {"client_id": "1", "step": "ready", "ready_at": "later"}, "bad_moment"),
        ("progress", {"client_id": "1", "step": "ready", "ready_at": "9999-01-01"}, "bad_moment"),
        ("quote", {"client_id": "1", "lines": []}, "lines_missing"),
        ("quote", {"client_id": "1", "lines": [{"name": " "}]}, "line_name_missing"),
        ("quote", {"client_id": "1", "lines": [{"name": "a"}] * 21}, "too_many_lines"),
        ("quote", {"client_id": "1", "lines": [{"name": "a", "parts_price": "-1"}]}, "bad_price"),
        (
            "quote",
            {"client_id": "1", "lines": [{"name": "a", "parts_price": "1.005"}]},
            "bad_price",
        ),
        ("quote", {"client_id": "1", "lines": [{"name": "a", "parts_price": "NaN"}]}, "bad_price"),
        ("quote", {"client_id": "1", "lines": [{"name": "a", "labour_price": "1e9"}]}, "bad_price"),
        ("cancel", {"client_id": "1", "reason": "  "}, "reason_missing"),
        ("move", {"client_id": "1", "reason": "x"}, "bad_moment"),
        ("no-show", {"client_id": ""}, "client_id_missing"),
    ],
)
async def test_a_body_that_does_not_hold_is_refused_and_changes_nothing(
    agent: Desk, workshop: Database, what: str, body: dict[str, Any], code: str
) -> None:
    told = await agent.post(f"service/bookings/b-1/{what}", body, 422)
    assert told["error"]["code"] == code
    assert "{" not in told["error"]["message"]
    booking = await booking_of(workshop)
    assert (booking.status, booking.step, await changes(workshop)) == ("confirmed", "booked", 0)


async def test_what_cannot_be_done_is_said_in_chinese(agent: Desk, workshop: Database) -> None:
    early = await agent.post("service/bookings/b-1/no-show", {"client_id": "1"}, 409)
    assert early["error"]["code"] == "too_early" and "10:30" in early["error"]["message"]
    out = await agent.post(
        "service/bookings/b-1/progress", {"client_id": "2", "step": "working"}, 409
    )
    assert out["error"]["code"] == "not_in"
    assert await changes(workshop) == 0


async def test_a_booking_is_moved_and_the_owner_hears_why(agent: Desk, workshop: Database) -> None:
    body = {
        "client_id": "m",
        "start": at("14:00").isoformat(),
        "technician_id": "t-2",
        "reason": "举升机检修",
    }
    moved = await agent.post("service/bookings/b-1/move", body)
    assert (moved["start"], moved["technician"]["id"]) == ("2026-11-24T14:00:00+08:00", "t-2")
    assert "举升机检修" in (await said(workshop))[-1]["text"]
    day = await agent.get("service/day?place=store-1&day=2026-11-24")
    holds = day["bookings"][0]["holds"]
    assert {(hold["lane"], hold["start"][11:16]) for hold in holds} == {
        ("bay-1", "14:00"),
        ("t-2", "14:00"),
    }


async def test_where_a_time_is_taken_others_are_named(agent: Desk, workshop: Database) -> None:
    async with workshop.write() as writing:
        await add_booking(writing, "b-2", at("14:00"), at("15:00"), vehicle_id=None)
    told = await agent.post(
        "service/bookings/b-1/move",
        {"client_id": "m", "start": at("14:00").isoformat(), "reason": "x"},
        409,
    )
    assert told["error"]["details"]["alternatives"]
    assert (await booking_of(workshop)).start == at("10:00")


async def test_staff_cancel_with_a_reason(agent: Desk, workshop: Database) -> None:
    gone = await agent.post("service/bookings/b-1/cancel", {"client_id": "c", "reason": "工位故障"})
    assert gone["status"] == "cancelled"
    assert "工位故障" in (await said(workshop))[-1]["text"]
    async with workshop.read() as reading:
        assert (await reading.execute(select(func.count()).select_from(Tick))).scalar_one() == 0


async def test_a_place_is_closed_and_opened_again(agent: Desk, workshop: Database) -> None:
    body = {
        "client_id": "x", "place_id": "store-1", "resource_id": "bay-1", "reason": "maintenance",
        "start": at("13:00").isoformat(), "end": at("12:00").isoformat(), "note": "年检",
    }  # fmt: skip
    assert (await agent.post("service/closures", body, 422))["error"]["code"] == "end_before_start"
    body["end"] = at("14:00").isoformat()
    unknown = await agent.post("service/closures", {**body, "reason": "why"}, 409)
    assert unknown["error"]["message"] == "没有这种停用原因。"
    made = await agent.post("service/closures", body)
    assert await agent.post("service/closures", body) == made
    day = await agent.get("service/day?place=store-1&day=2026-11-24")
    assert [(one["resource_id"], one["note"]) for one in day["closures"]] == [("bay-1", "年检")]
    await agent.post(f"service/closures/{made['id']}/lift", {"client_id": "y"})
    day = await agent.get("service/day?place=store-1&day=2026-11-24")
    assert day["closures"] == []
    async with workshop.read() as reading:
        assert (await reading.execute(select(func.count()).select_from(Closure))).scalar_one() == 1


async def test_a_driver_fetches_a_car(agent: Desk, workshop: Database) -> None:
    async with workshop.write() as writing:
        row: Booking = await writing.get(Booking, "b-1")
        row.mode, row.pickup_address = "pickup", "上海市闵行区七莘路1号2室"
        writing.add(
            Journey(id="j-1", booking_id="b-1", leg="out", worker_id="d-1", place_id="store-1",
                    address="上海市闵行区七莘路1号2室", window_start=at("09:00"),
                    window_end=at("09:30"), code="4711")
        )  # fmt: skip
    clock.set_offset(at("08:50") - (clock.now() - clock.offset()))
    path = "service/journeys/j-1"
    asked = await agent.post(f"{path}/set-off", {"client_id": "1"}, 409)
    assert asked["error"]["code"] == "no_consent" and "同意" in asked["error"]["message"]
    async with workshop.write() as writing:
        (await writing.get(Booking, "b-1")).consent_at = clock.now()
    await agent.post(f"{path}/set-off", {"client_id": "1"})
    await agent.post(f"{path}/arrive", {"client_id": "2"})
    record = {"mileage_km": 18600, "soc": "62", "belongings": "雨伞"}
    wrong = await agent.post(f"{path}/hand-over", {"client_id": "3", "code": "0000", **record}, 409)
    assert wrong["error"]["code"] == "wrong_code"
    shown = await agent.post(f"{path}/hand-over", {"client_id": "3", "code": "4711", **record})
    (journey,) = shown["journeys"]
    assert (journey["status"], journey["mileage_km"], journey["soc"]) == ("finished", 18600, 62)
    assert "4711" not in str(shown) and "七莘路" not in str(shown)
    assert shown["address"] == "上海市闵行区****"


def unlike(real: Any, made_up: Any, path: str = "") -> list[str]:
    """Say which fields of a made-up answer the real one does not have."""
    if isinstance(real, dict) and isinstance(made_up, dict):
        if path.endswith(("names_of", "before", "after")):
            return []
        found = [f"{path}.{name}" for name in set(made_up) - set(real)]
        both = real.keys() & made_up.keys()
        for name in both:
            found += unlike(real[name], made_up[name], f"{path}.{name}")
        return found
    if isinstance(real, list) and isinstance(made_up, list) and real and made_up:
        return unlike(real[0], made_up[0], path)
    return []


async def test_the_api_that_pages_are_tested_with_is_like_this_one(
    agent: Desk, workshop: Database
) -> None:
    async with workshop.write() as writing:
        writing.add(
            Journey(booking_id="b-1", leg="out", worker_id="d-1", place_id="store-1",
                    address="七莘路1号", window_start=at("09:00"), window_end=at("09:30"), code="1")
        )  # fmt: skip
    body = {
        "client_id": "x", "place_id": "store-1", "resource_id": "bay-1", "reason": "maintenance",
        "start": at("17:00").isoformat(), "end": at("18:00").isoformat(),
    }  # fmt: skip
    await agent.post("service/closures", body)
    await agent.post("service/bookings/b-1/check-in", {"client_id": "1"})
    lines = [{"name": "刹车片", "parts_price": 1, "labour_price": 1}]
    detail = await agent.post("service/bookings/b-1/quote", {"client_id": "2", "lines": lines})
    day = await agent.get("service/day?place=store-1&day=2026-11-24")
    fake = fake_service.store()
    assert (
        unlike(await agent.get("service/places"), {"places": fake_service.PLACES, "now": ""}) == []
    )
    assert unlike(day, fake) == []
    shown = fake_service.details(fake["bookings"][1])
    on_the_road = fake_service.details(fake["bookings"][4])
    assert unlike(detail, shown) == []
    assert unlike(detail["journeys"], on_the_road["journeys"]) == []


async def test_what_is_masked_is_revealed_one_by_one_and_logged(
    agent: Desk, workshop: Database
) -> None:
    shown = await agent.get("service/bookings/b-1")
    assert (shown["phone"], shown["note"]) == ("139****5678", "到了打139****5678")
    reveal = "service/bookings/b-1/reveal"
    for field, value in (("phone", "13912345678"), ("plate", "沪A12345"), ("note", "13912345678")):
        assert value in (await agent.post(reveal, {"field": field}))["value"]
    await agent.post(reveal, {"field": "address"}, 404)
    await agent.post(reveal, {"field": "price"}, 400)
    async with workshop.read() as reading:
        query = select(AuditEntry).where(AuditEntry.action == "reveal")
        entries = (await reading.execute(query)).scalars().all()
    assert [(one.subject, one.detail["field"]) for one in entries] == [
        ("b-1", "phone"), ("b-1", "plate"), ("b-1", "note"),
    ]  # fmt: skip
    assert "13912345678" not in str([one.detail for one in entries])


async def test_what_is_long_over_is_not_revealed(agent: Desk, workshop: Database) -> None:
    async with workshop.write() as writing:
        row: Booking = await writing.get(Booking, "b-1")
        row.status = row.step = "no_show"
    await agent.post("service/bookings/b-1/reveal", {"field": "phone"})
    clock.set_offset(clock.offset() + timedelta(days=9))
    late = await agent.post("service/bookings/b-1/reveal", {"field": "phone"}, 422)
    assert late["error"]["code"] == "booking_over"


async def test_who_may_not_work_here_changes_nothing(sign_in: SignIn, workshop: Database) -> None:
    editor, admin = await sign_in("fang"), await sign_in("guan")
    await editor.get("service/places", 403)
    await editor.get("service/bookings/b-1", 403)
    await admin.get("service/bookings/b-1")
    await admin.post("service/bookings/b-1/reveal", {"field": "phone"}, 403)
    for desk in (editor, admin):
        for what in ("check-in", "progress", "quote", "finish", "no-show", "cancel", "move"):
            await desk.post(f"service/bookings/b-1/{what}", {"client_id": "1"}, 403)
        await desk.post("service/closures", {"client_id": "1"}, 403)
    assert (await booking_of(workshop)).status == "confirmed"
    assert await changes(workshop) == 0


async def test_a_write_needs_the_pages_token(agent: Desk, workshop: Database) -> None:
    agent.csrf = "made-up"
    await agent.post("service/bookings/b-1/check-in", {"client_id": "1"}, 403)
    assert (await booking_of(workshop)).status == "confirmed"


async def test_whoever_is_not_signed_in_sees_nothing(server: TestServer) -> None:
    nobody = Desk(TestClient(server))
    await nobody.get("service/places", 401)
    await nobody.client.session.close()


def test_every_refusal_has_a_text() -> None:
    texts = service_errors.texts()["refusals"]
    told_elsewhere = {"offer_expired", "price_changed", "vehicle_needed", "unknown_service"}
    # Only owners ask whether a car fits a station.
    told_elsewhere |= {"pack_does_not_fit", "not_swappable", "arrears", "bottomed", "flooded"}
    told_elsewhere |= {"high_voltage_fault", "commercial", "old_software"}
    codes = {*get_args(Code), *get_args(JourneyCode), *get_args(RefusalCode)}
    assert codes - told_elsewhere - set(texts) == set()


LABELS = read_labels(pages.TEMPLATES / "service_labels.yml")["service"]


def found(path: str) -> Any:
    known: Any = LABELS
    for part in path.split("."):
        assert part in known, path
        known = known[part]
    return known


def test_scripts_ask_for_labels_that_exist() -> None:
    for path in pages.STATIC.glob("service*.js"):
        source = path.read_text("utf-8")
        for asked in re.findall(r'\bsay\("([\w.]+)"', source):
            assert isinstance(found(asked), str), f"{path.name}: {asked}"
        for group in re.findall(r'\bcalled\("([\w.]+)"', source):
            assert isinstance(found(group), dict), f"{path.name}: {group}"


def test_every_code_has_a_word() -> None:
    steps = {*work.FOLLOWS, "booked", "planned", "locked", "broken", "done", "cancelled"}
    assert steps - set(LABELS["steps"]) == set()
    assert set(LABELS["marks"]) == set(LABELS["steps"])
    assert all(len(mark) == 1 for mark in LABELS["marks"].values())
    assert set(LABELS["reasons"]) == set(get_args(closures.Reason))


def test_the_pages_own_words_hide_none_of_the_desks() -> None:
    desk = yaml.safe_load((pages.TEMPLATES / "labels.yml").read_text("utf-8"))
    assert "service" not in desk
