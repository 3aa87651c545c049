"""Who may do what at the desk: one table, role by action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pitstop.care.tables import Staff

StaffRole = Literal["agent", "editor", "supervisor", "admin"]
StaffAction = Literal[
    "see_queue",
    "accept",
    "reply",
    "note",
    "transfer",
    "end",
    "reveal",
    "takeover",
    "see_cases",
    "work_cases",
    "see_service",
    "work_service",
    "manage_setup",
    "search_knowledge",
    "edit_knowledge",
    "publish_knowledge",
    "see_reports",
    "see_audit",
    "manage_staff",
]

_HANDOFF: frozenset[StaffAction] = frozenset(
    {"see_queue", "accept", "reply", "note", "transfer", "end", "reveal"}
)
_CASES: frozenset[StaffAction] = frozenset({"see_cases", "work_cases"})
_SERVICE: frozenset[StaffAction] = frozenset({"see_service", "work_service"})

# An admin runs the desk but does not talk to owners: whoever manages accounts has no need to read
# what people write. A supervisor can do all that agents do, and take a conversation over.
TABLE: Mapping[StaffRole, frozenset[StaffAction]] = {
    "agent": _HANDOFF | _CASES | _SERVICE | {"search_knowledge"},
    "editor": frozenset({"search_knowledge", "edit_knowledge", "publish_knowledge"}),
    "supervisor": _HANDOFF
    | _CASES
    | _SERVICE
    | {"takeover", "search_knowledge", "see_reports", "see_audit", "manage_setup"},
    "admin": frozenset(
        {
            "see_queue",
            "see_cases",
            "see_service",
            "manage_setup",
            "search_knowledge",
            "edit_knowledge",
            "publish_knowledge",
            "see_reports",
            "see_audit",
            "manage_staff",
        }
    ),
}


class StaffNotAllowed(Exception):
    """This member of staff may not do that."""

    def __init__(self, action: StaffAction, role: str) -> None:
        super().__init__(f"{role} may not {action}")
        self.code = "forbidden"
        self.action = action
        self.role = role


def allowed(role: str, action: StaffAction) -> bool:
    """Say whether a role may do something; an unknown role may do nothing."""
    return action in TABLE.get(role, frozenset())  # type: ignore[call-overload]


def require(staff: Staff, action: StaffAction) -> None:
    """Raise `StaffNotAllowed` unless this member of staff is active and may do it."""
    if not staff.active or not allowed(staff.role, action):
        raise StaffNotAllowed(action, staff.role)
