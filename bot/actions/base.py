"""The skeleton of a skill: one turn, one transaction, what came of it said in one place."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.buttons import button
from bot.actions.context import Turn, Visit, database, visit, words
from pitstop.care.permissions import NotAllowed

FORM_SLOTS = (
    "service",
    "services",
    "person",
    "place",
    "vehicle",
    "model",
    "window",
    "start",
    "mode",
    "address",
    "note",
    "options",
    "offer",
    "decision",
    "booking",
    "what_happened",
    "about",
    "wish",
    "contact",
)
"""Every slot that a form fills; all are emptied when it ends."""

NO_FORM = [SlotSet(slot, None) for slot in FORM_SLOTS]


class Said:
    """What an action says: responses of the domain, with buttons and a card."""

    def __init__(self, dispatcher: CollectingDispatcher) -> None:
        self._dispatcher = dispatcher
        self.anything = False

    def __call__(
        self,
        response: str,
        *,
        buttons: list[dict[str, str]] | None = None,
        card: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Utter a response of the domain by its name."""
        self.anything = True
        self._dispatcher.utter_message(
            response=response,
            buttons=buttons or [],
            json_message={"card": card} if card else {},
            **values,
        )


class Skill(Action):
    """An action that handles one kind of wish in one transaction."""

    intent: str = ""
    writes = True
    misses = False
    """Whether this action means that the owner was not understood."""

    def name(self) -> str:
        """Return the action's name in the domain."""
        return f"action_{self.intent}"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Do it and say what came of it; return events."""
        raise NotImplementedError

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        """Run the skill; an error reaches the server, which lets the whole turn fail."""
        turn = Turn.of(tracker)
        say = Said(dispatcher)
        db = database()
        try:
            async with db.write() if self.writes else db.read() as session:
                events = await self.act(await visit(session, turn), say, tracker)
        except NotAllowed as refused:
            refuse(say, refused)
            events = []
        if not self.misses and tracker.get_slot("misses"):
            events.append(SlotSet("misses", 0))
        events += remember(say, tracker)
        if tracker.get_slot("wishes") and not any(e.get("event") == "followup" for e in events):
            events.append(FollowupAction("action_continue"))
        return events


def refuse(say: Said, refused: NotAllowed) -> None:
    """Tell the owner that they may not, and what they can do instead."""
    say(f"utter_not_allowed_{refused.code}", buttons=[button("human", "talk_to_human")])


def remember(say: Said, tracker: Tracker) -> list[EventType]:
    """After a person had the word: offer once to go on with what was left half-filled."""
    remembered = tracker.get_slot("remembered") or {}
    if not remembered.get("form") or remembered.get("offered"):
        return []
    what = words()["labels"]["kind"].get(str(remembered["form"]).removesuffix("_form"), "")
    if what:
        say(
            "utter_resume",
            what=what,
            buttons=[button("resume", "resume"), button("no_resume", "stop")],
        )
    return [SlotSet("remembered", {**remembered, "offered": True})]
