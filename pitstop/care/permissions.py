"""Who may do what: one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.people import Role, relation_to, role_of

Action = Literal[
    "ask",
    "book_maintenance",
    "book_swap",
    "book_test_drive",
    "change_booking",
    "cancel_booking",
    "view_booking",
    "complain",
    "view_case",
    "chase_case",
    "request_rescue",
    "view_vehicle",
    "approve_extra_work",
    "export_data",
    "delete_data",
    "leave_contact",
    "handoff",
    "rate",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
Refusal = Literal["visitor", "former_owner", "not_your_vehicle", "driver_limit"]

# Nobody needs a car to be heard, to try one, to see their own bookings and cases, or to be
# rescued: who stands on a motorway is not asked whose car it is.
_ANYBODY: frozenset[Action] = frozenset(
    {
        "ask",
        "book_test_drive",
        "change_booking",
        "cancel_booking",
        "view_booking",
        "complain",
        "view_case",
        "chase_case",
        "request_rescue",
        "delete_data",
        "leave_contact",
        "handoff",
        "rate",
    }
)
_DRIVER: frozenset[Action] = _ANYBODY | {"book_maintenance", "book_swap", "view_vehicle"}
_OWNER: frozenset[Action] = _DRIVER | {"approve_extra_work", "export_data"}

TABLE: Mapping[Role, frozenset[Action]] = {
    # 个人信息保护法 45: whoever's own data it is may have a copy. A driver's copy would hold the
    # owner's car, so it is made by a person.
    "visitor": _ANYBODY | {"export_data"},
    "owner": _OWNER,
    "authorised_driver": _DRIVER,
    "company_manager": _OWNER,
    "company_driver": _DRIVER,
    "former_owner": _ANYBODY | {"export_data"},
}

# Where these are about a certain car, a former owner has lost them with it. The rest (asking,
# complaining about the time before) stays theirs.
_OF_THE_CAR: frozenset[Action] = frozenset(
    {
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
)


class NotAllowed(Exception):
    """The customer may not do this; `code` says why, for whoever speaks to them."""

    def __init__(self, code: Refusal, action: Action, role: Role) -> None:
        super().__init__(f"{role} may not {action}: {code}")
        self.code: Refusal = code
        self.action: Action = action
        self.role: Role = role


def allowed(role: Role, action: Action) -> bool:
    """Say whether the table lets `role` do `action`."""
    return action in TABLE[role]


async def require(
    session: AsyncSession, customer_id: str, action: Action, vehicle_id: str | None = None
) -> None:
    """Let `action` pass, on that vehicle if one is given; raises `NotAllowed`."""
    if vehicle_id is None:
        role = await role_of(session, customer_id)
        if not allowed(role, action):
            raise NotAllowed(_why(role), action, role)
        return
    relation = await relation_to(session, customer_id, vehicle_id)
    if relation is None:
        role = await role_of(session, customer_id)
        raise NotAllowed("visitor" if role == "visitor" else "not_your_vehicle", action, role)
    if relation == "former_owner" and action in _OF_THE_CAR:
        raise NotAllowed("former_owner", action, relation)
    if not allowed(relation, action):
        raise NotAllowed(_why(relation), action, relation)


def _why(role: Role) -> Refusal:
    if role == "visitor" or role == "former_owner":
        return role
    return "driver_limit"
