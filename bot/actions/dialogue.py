"""What holds a conversation together: second wishes, a yes on an old offer, the way back."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, EventType, FollowupAction, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.answering import answer
from bot.actions.base import Said, Skill
from bot.actions.booked import ask_quote, open_quote
from bot.actions.booking_form import read_back
from bot.actions.buttons import human
from bot.actions.context import Turn, Visit, database, words
from pitstop.care import handoff_views, offers, places
from pitstop.care.refusals import Refused

FORMS = {
    "book_maintenance": "maintenance_form",
    "book_swap": "swap_form",
    "book_test_drive": "test_drive_form",
    "complain": "complaint_form",
    "change_booking": "change_form",
    "cancel_booking": "cancel_form",
}


class Continue(Action):
    """Take up the wish that waited."""

    def name(self) -> str:
        """Return the action's name in the domain."""
        return "action_continue"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        """Say which wish is next and go on with it."""
        wishes = list(tracker.get_slot("wishes") or [])
        if not wishes:
            return []
        wish, rest = wishes[0], wishes[1:]
        route = str(wish["route"])
        turn = Turn.of(tracker)
        ordinal = int(tracker.get_slot("wish_count") or 0) + 1
        Said(dispatcher)("utter_next_wish", what=words()["routes"].get(route, ""))
        current = {**wish, "message_id": turn.inbox_id, "ordinal": ordinal}
        return [
            SlotSet("wishes", rest or None),
            SlotSet("current_wish", current),
            SlotSet("wish_count", ordinal),
            FollowupAction(FORMS.get(route, f"action_{route}")),
        ]


class Affirm(Skill):
    """A yes with no form around it: on an old offer it still counts, once."""

    intent = "affirm"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Book the offer that the button is about; the second press finds the first booking."""
        offer = visit.turn.values.get("offer")
        if not offer:
            quote = await open_quote(visit)
            if quote is not None:
                ask_quote(say, quote)
            else:
                say("utter_small_talk_ack")
            return []
        try:
            booked = await offers.accept(
                visit.session, visit.customer.id, str(offer), message_id=visit.turn.message_id
            )
        except (Refused, LookupError) as error:
            code = error.code if isinstance(error, Refused) else "offer_expired"
            say("utter_refused_full" if code == "full" else "utter_refused_offer_expired")
            return []
        read_back(say, booked)
        return []


class Deny(Skill):
    """A no with nothing to refuse."""

    intent = "deny"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Acknowledge."""
        say("utter_small_talk_ack")
        return []


class Stop(Deny):
    """算了, with nothing going on."""

    intent = "stop"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Acknowledge; what a person had left half-filled is forgotten."""
        say("utter_small_talk_ack")
        return [SlotSet("remembered", None), SlotSet("wishes", None)]


class Inform(Skill):
    """A bare value with no question before it."""

    intent = "inform"
    misses = True

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Lead on from what was named; else ask what it is about."""
        if visit.turn.values:
            say("utter_button_old")
            return []
        if (form := await _goes_on(visit, tracker)) is not None:
            return [FollowupAction(form)]
        if visit.turn.named("station"):
            return [FollowupAction("action_find_station")]
        if visit.turn.named("store"):
            return [FollowupAction("action_find_station")]
        if visit.turn.decision != "none":
            return await answer(visit, say, tracker)
        say("utter_inform_alone", buttons=[human()])
        return []


async def _goes_on(visit: Visit, tracker: Tracker) -> str | None:
    """Return the form that a bare time means after a place was shown: "那约八点吧"."""
    place_id = tracker.get_slot("talked_of")
    if not place_id or not visit.turn.named("time"):
        return None
    row = await places.place(visit.session, str(place_id))
    if row.kind in places.STATION_KINDS:
        return "swap_form"
    return "maintenance_form" if row.kind in places.SERVICE_KINDS else None


class Resume(Action):
    """Go on with what was half-filled before a person had the word."""

    def name(self) -> str:
        """Return the action's name in the domain."""
        return "action_resume"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        """Start the form again; it takes over what was filled in."""
        remembered = tracker.get_slot("remembered") or {}
        if not remembered.get("form"):
            Said(dispatcher)("utter_button_old")
            return []
        return [FollowupAction(str(remembered["form"]))]


class SessionStart(Action):
    """A new epoch or a new day: remember what a person ended with."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_session_start"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        """Read the last handoff of the conversation; say nothing."""
        conversation_id = str(tracker.sender_id).partition(":")[0]
        events: list[EventType] = [SessionStarted()]
        async with database().read() as session:
            last = await handoff_views.last_ended(session, conversation_id)
        if last is not None:
            events.append(
                SlotSet(
                    "remembered",
                    {
                        "form": last.collected.get("form"),
                        "slots": last.collected.get("slots") or {},
                        "summary": last.summary,
                    },
                )
            )
        return [*events, ActionExecuted("action_listen")]
