"""Handing over to a person: on request, on danger, when a complaint is grave, when we are lost."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet

from bot.actions import speech
from bot.actions.base import FORM_SLOTS, NO_FORM, Said, Skill
from bot.actions.buttons import button
from bot.actions.context import Visit, mentions
from pitstop.care import handoff_views, handoffs, rescue
from pitstop.care.permissions import require
from pitstop.care.positions import position_of
from pitstop.care.views import booking_card


def collected(tracker: Tracker, visit: Visit) -> dict[str, Any]:
    """Return what the bot has gathered, for the agent's page and for later."""
    loop = tracker.active_loop or {}
    slots = {slot: tracker.get_slot(slot) for slot in FORM_SLOTS if tracker.get_slot(slot)}
    form = loop.get("name") or tracker.get_slot("last_form")
    return {
        "form": form if slots else None,
        "slots": slots,
        "route": visit.turn.intent,
        "wishes": [w["route"] for w in tracker.get_slot("wishes") or []],
        "last_article": tracker.get_slot("last_article"),
    }


async def hand_over(
    visit: Visit, say: Said, tracker: Tracker, *, reason: str, priority: str, response: str
) -> list[EventType]:
    """Put the owner into the queue and say where they stand; the form's slots are let go."""
    await require(visit.session, visit.customer.id, "handoff")
    handoff = await handoffs.open_handoff(
        visit.session,
        visit.customer.id,
        reason=reason,
        priority=priority,
        collected=collected(tracker, visit),
        message_id=visit.turn.inbox_id,
    )
    standing = await handoff_views.standing(visit.session, handoff)
    say(
        response,
        position=standing.position,
        minutes=max(1, round(standing.estimated_wait_seconds / 60)),
        buttons=[button("leave_queue", "router:leave_queue")],
    )
    return [*NO_FORM, SlotSet("wishes", None), SlotSet("misses", 0), SlotSet("last_form", None)]


class TalkToHuman(Skill):
    """A person, always and at once."""

    intent = "talk_to_human"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Hand over; the reason tells whether the owner asked or we were lost."""
        reason = "not_understood"
        if visit.turn.intent == "talk_to_human":
            reason = "owner_asked"
        elif mentions(visit.turn.text, "anger"):
            reason = "anger"
        return await hand_over(
            visit,
            say,
            tracker,
            reason=reason,
            priority="P1" if reason == "anger" else "P2",
            response="utter_handoff_anger" if reason == "anger" else "utter_handoff",
        )


class Escalate(Skill):
    """A grave complaint: the complaints desk, without argument."""

    intent = "escalate"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Hand over with priority."""
        return await hand_over(
            visit,
            say,
            tracker,
            reason="complaint",
            priority="P1",
            response="utter_handoff_complaint",
        )


class Rescue(Skill):
    """Danger and breakdown: safety words first, then a rescue request, and a person at once."""

    intent = "roadside_rescue"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Ask back only where it is likely that nothing is happening now."""
        turn = visit.turn
        danger = mentions(turn.text, "danger")
        burning = mentions(turn.text, "burning")
        doubtful = (
            not (turn.sure or danger)
            or mentions(turn.text, "past_marks")
            or (mentions(turn.text, "money_marks") and not burning)
        )
        if doubtful and not turn.values.get("confirmed"):
            say(
                "utter_rescue_really",
                buttons=[
                    button("rescue_yes", "roadside_rescue", {"confirmed": True}),
                    button("rescue_no", "rescue_no"),
                ],
            )
            return []
        inside = mentions(turn.text, "inside")
        say("utter_safety_inside" if inside else "utter_safety" if danger else "utter_safety_short")
        position = await position_of(visit.session, turn.inbox_id)
        request = await rescue.request_rescue(
            visit.session,
            visit.customer.id,
            text=turn.text,
            vehicle_id=visit.vehicles[0].id if len(visit.vehicles) == 1 else None,
            position=position,
            message_id=turn.message_id,
        )
        say("utter_rescue_requested", card=booking_card(request), **speech.described(request))
        return await hand_over(
            visit,
            say,
            tracker,
            reason="danger" if danger else "rescue",
            priority="P0" if danger or inside else "P1",
            response="utter_handoff_rescue",
        )


class RescueNo(Skill):
    """It was no emergency."""

    intent = "rescue_no"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Ask what it is then."""
        say("utter_rescue_no")
        return []
