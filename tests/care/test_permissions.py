"""Who may do what: every cell of the table, and the ways around it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pitstop.base import clock
from pitstop.care.permissions import ACTIONS, TABLE, NotAllowed, allowed, require
from pitstop.care.tables import VehicleLink
from pitstop.storage.database import Database

ROLES = (
    "visitor",
    "owner",
    "authorised_driver",
    "company_manager",
    "company_driver",
    "former_owner",
)

# Written out again, so that a change of the table is a change of this picture too.
# In the order of ROLES.
PICTURE = {
    "ask": "yyyyyy",
    "book_maintenance": "nyyyyn",
    "book_swap": "nyyyyn",
    "book_test_drive": "yyyyyy",
    "change_booking": "yyyyyy",
    "cancel_booking": "yyyyyy",
    "view_booking": "yyyyyy",
    "complain": "yyyyyy",
    "view_case": "yyyyyy",
    "chase_case": "yyyyyy",
    "request_rescue": "yyyyyy",
    "view_vehicle": "nyyyyn",
    "approve_extra_work": "nynynn",
    "export_data": "yynyny",
    "delete_data": "yyyyyy",
    "leave_contact": "yyyyyy",
    "handoff": "yyyyyy",
    "rate": "yyyyyy",
}
CELLS = [
    (role, action, cells[column] == "y")
    for action, cells in PICTURE.items()
    for column, role in enumerate(ROLES)
]
# Somebody of each role, and a car they have to do with (the seed's).
SOMEBODY = {
    "visitor": ("visitor-1", None),
    "owner": ("owner-1", "car-1"),
    "authorised_driver": ("driver-1", "car-1"),
    "company_manager": ("manager-1", "car-12"),
    "company_driver": ("company-driver-1", "car-12"),
    "former_owner": ("former-1", "car-11"),
}
OF_THE_CAR = {
    "book_maintenance",
    "book_swap",
    "change_booking",
    "cancel_booking",
    "view_booking",
    "request_rescue",
    "view_vehicle",
    "approve_extra_work",
    "export_data",
    "delete_data",
}


def test_the_picture_is_the_whole_table() -> None:
    assert set(PICTURE) == set(ACTIONS)
    assert set(TABLE) == set(ROLES)


@pytest.mark.parametrize(("role", "action", "may"), CELLS)
def test_every_cell(role: str, action: str, may: bool) -> None:
    assert allowed(role, action) is may


async def test_every_cell_as_asked_by_somebody(seeded: Database) -> None:
    async with seeded.read() as session:
        for role, action, may in CELLS:
            customer, _ = SOMEBODY[role]
            refused = await _refusal(session, customer, action)
            assert (refused is None) is may, (role, action)
            if refused is not None:
                assert refused.role == role
                assert refused.action == action
                code = role if role in ("visitor", "former_owner") else "driver_limit"
                assert refused.code == code


async def test_every_cell_on_their_own_car(seeded: Database) -> None:
    async with seeded.read() as session:
        for role, action, may in CELLS:
            customer, car = SOMEBODY[role]
            if car is None:
                continue
            may = may and not (role == "former_owner" and action in OF_THE_CAR)
            assert ((await _refusal(session, customer, action, car)) is None) is may, (role, action)


async def test_nothing_on_a_car_of_others(seeded: Database) -> None:
    async with seeded.read() as session:
        for role, (customer, _) in SOMEBODY.items():
            code = "visitor" if role == "visitor" else "not_your_vehicle"
            for action in ACTIONS:
                refused = await _refusal(session, customer, action, "car-4")
                assert refused is not None and refused.code == code, (role, action)


async def test_a_car_that_does_not_exist_is_not_yours(seeded: Database) -> None:
    async with seeded.read() as session:
        refused = await _refusal(session, "owner-1", "view_vehicle", "car-99")
        assert refused is not None and refused.code == "not_your_vehicle"


async def test_a_former_owner_may_complain_about_the_time_before(seeded: Database) -> None:
    async with seeded.read() as session:
        await require(session, "former-1", "complain", "car-11")
        refused = await _refusal(session, "former-1", "view_vehicle", "car-11")
        assert refused is not None and refused.code == "former_owner"


async def test_the_car_is_lost_the_same_moment(seeded: Database) -> None:
    async with seeded.write() as session:
        await require(session, "owner-1", "book_swap", "car-1")
        link = await _link(session, "owner-1", "car-1")
        link.until = clock.now()
        await session.flush()
        refused = await _refusal(session, "owner-1", "book_swap", "car-1")
        assert refused is not None and refused.code == "former_owner"


async def test_an_authorisation_that_ends_later_counts_until_then(
    seeded: Database, pass_time
) -> None:
    async with seeded.write() as session:
        link = await _link(session, "driver-1", "car-1")
        link.until = clock.now() + timedelta(hours=1)
    async with seeded.read() as session:
        await require(session, "driver-1", "book_swap", "car-1")
        pass_time(timedelta(hours=2))
        refused = await _refusal(session, "driver-1", "book_swap", "car-1")
        assert refused is not None and refused.code == "visitor"


async def test_each_car_has_its_own_relation(seeded: Database) -> None:
    """Owner of one car, driver of another: the strongest relation does not leak."""
    async with seeded.write() as session:
        session.add(
            VehicleLink(
                customer_id="owner-2",
                vehicle_id="car-4",
                relation="authorised_driver",
                since=clock.now() - timedelta(days=1),
            )
        )
        await session.flush()
        await require(session, "owner-2", "approve_extra_work", "car-2")
        await require(session, "owner-2", "book_swap", "car-4")
        refused = await _refusal(session, "owner-2", "approve_extra_work", "car-4")
        assert refused is not None and refused.code == "driver_limit"


async def _refusal(session, customer: str, action: str, car: str | None = None):
    try:
        await require(session, customer, action, car)
    except NotAllowed as refused:
        return refused
    return None


async def _link(session, customer: str, car: str) -> VehicleLink:
    from sqlalchemy import select

    query = select(VehicleLink).where(
        VehicleLink.customer_id == customer, VehicleLink.vehicle_id == car
    )
    return (await session.execute(query)).scalars().one()
