"""Forms: one validating action owns each turn of one.

Rasa's stock forms lose either the slot or the question when an owner asks in the middle. Here the
validating action reads what it can from the message, answers what was asked, keeps a second wish
for later, and only then lets the form ask for what is still missing. It always sets a slot, so
that the form never rejects the turn.
"""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions import service, status
from bot.actions.answering import MAX_MISSES, answer_inline
from bot.actions.base import FORM_SLOTS, NO_FORM, Said, Skill, refuse
from bot.actions.buttons import button, human
from bot.actions.context import Turn, Visit, database, mentions, visit, words
from pitstop.care.permissions import NotAllowed

_SWITCH = {
    "talk_to_human": "action_talk_to_human",
    "roadside_rescue": "action_roadside_rescue",
}

# Questions about what stands: answered at once, in the middle of the form.
_ASIDE: dict[str, Skill] = {
    skill.intent: skill
    for skill in (
        status.BookingStatus(),
        status.VehicleStatus(),
        status.Points(),
        status.Referral(),
        status.Recall(),
        service.FindStation(),
    )
}


class Draft:
    """What a form holds so far, and what this turn changed in it."""

    def __init__(self, tracker: Tracker) -> None:
        self._values: dict[str, Any] = {slot: tracker.get_slot(slot) for slot in FORM_SLOTS}
        self.changed: set[str] = set()
        self.talked_of: str | None = None

    def __getitem__(self, slot: str) -> Any:
        return self._values[slot]

    def put(self, slot: str, value: Any) -> None:
        """Set a slot; setting what is there already changes nothing."""
        if self._values[slot] != value:
            self._values[slot] = value
            self.changed.add(slot)

    def clear(self, *slots: str) -> None:
        """Empty slots."""
        for slot in slots:
            self._values[slot] = None

    def events(self) -> list[EventType]:
        """Return the slots as events."""
        return [SlotSet(slot, value) for slot, value in self._values.items()]


class Finished(Exception):
    """The form is over; `followup` names the action to go on with, if there is one."""

    def __init__(self, followup: str | None = None, *, keep: bool = False) -> None:
        super().__init__(followup)
        self.followup = followup
        self.keep = keep


class FormTurn(Action):
    """The validating action of a form."""

    form: str = ""
    route: str = ""
    free_text: frozenset[str] = frozenset()
    """Slots that take whatever the owner writes."""

    def name(self) -> str:
        """Return the name under which Rasa calls it for its form."""
        return f"validate_{self.form}"

    # ---- what a form defines ---------------------------------------------------------------------

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Prepare the form when it starts; raises `Finished` if it makes no sense now."""

    async def narrow(self, visit: Visit, wishes: list[dict[str, Any]]) -> Visit:
        """Return the part of a message that this form is about; the rest goes to `wishes`."""
        return visit

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take from the message what belongs into the form."""
        raise NotImplementedError

    async def advance(self, visit: Visit, draft: Draft, say: Said, requested: str | None) -> None:
        """Fill what needs no question, propose or finish; raises `Finished` when done."""
        raise NotImplementedError

    async def abandon(self, visit: Visit, draft: Draft) -> None:
        """Leave no trace."""

    async def inline(self, visit: Visit, draft: Draft, say: Said) -> bool:
        """Answer a question about what is being filled in (price, duration); False if none."""
        return False

    # ---- one turn --------------------------------------------------------------------------------

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        """Handle one turn of the form in one transaction."""
        # A form of its own for each turn: what it learns of the booking is nobody else's.
        return await type(self)()._take_turn(dispatcher, tracker)

    async def _take_turn(
        self, dispatcher: CollectingDispatcher, tracker: Tracker
    ) -> list[EventType]:
        turn = Turn.of(tracker)
        draft = Draft(tracker)
        say = Said(dispatcher)
        loop = tracker.active_loop or {}
        requested: str | None = tracker.get_slot("requested_slot")
        fresh = requested is None or loop.get("name") != self.form
        wishes: list[dict[str, Any]] = list(tracker.get_slot("wishes") or [])
        extra: list[EventType] = []
        finished: Finished | None = None
        try:
            async with database().write() as session:
                # Finishing is no failure: it must not leave the block as an exception, which
                # would roll back the very booking that was just announced.
                try:
                    seen = await visit(session, turn)
                    if fresh:
                        requested = None
                        self._recall(tracker, draft)
                        seen = await self.narrow(seen, wishes)
                        await self.begin(seen, draft, say)
                        await self.read(seen, draft, None)
                    else:
                        extra = await self._go_on(seen, draft, say, requested, wishes, tracker)
                    await self.advance(seen, draft, say, requested)
                except Finished as done:
                    finished = done
        except NotAllowed as refused:
            refuse(say, refused)
            finished = Finished()
        if finished is not None:
            return self._end(draft, finished, wishes)
        return [*draft.events(), SlotSet("wishes", wishes or None), *extra, *self._turned(tracker)]

    async def _go_on(
        self,
        seen: Visit,
        draft: Draft,
        say: Said,
        requested: str | None,
        wishes: list[dict[str, Any]],
        tracker: Tracker,
    ) -> list[EventType]:
        turn = seen.turn
        if turn.intent in _SWITCH and turn.sure and not self._free(turn, requested):
            raise Finished(_SWITCH[turn.intent], keep=True)
        if self._stops(turn, requested):
            await self.abandon(seen, draft)
            say("utter_form_stopped")
            raise Finished
        await self.read(seen, draft, requested)
        if draft.changed:
            return [SlotSet("misses", 0)]
        if turn.says_yes or turn.intent in {"affirm", "deny"} or turn.kind == "button":
            return [SlotSet("misses", 0)]
        if turn.kind in {"image", "voice", "pdf"}:
            say("utter_attachment_in_form")
            return []
        if await self.inline(seen, draft, say) or await answer_inline(seen, say, tracker):
            return [SlotSet("misses", 0)]
        if turn.intent in _ASIDE and turn.sure:
            return [*await _ASIDE[turn.intent].act(seen, say, tracker), SlotSet("misses", 0)]
        if self._parked(turn, wishes):
            what = words()["routes"].get(turn.intent, "")
            say("utter_kept_for_later", what=what)
            return [SlotSet("misses", 0)]
        misses = int(tracker.get_slot("misses") or 0) + 1
        if misses >= MAX_MISSES:
            # A person takes the half-filled form over; nothing of it is lost.
            say("utter_unknown_again")
            raise Finished("action_talk_to_human", keep=True)
        say("utter_form_not_understood", buttons=[human(), button("stop", "stop")])
        return [SlotSet("misses", misses)]

    def _free(self, turn: Turn, requested: str | None) -> bool:
        """Say whether a long text is the answer we asked for, whatever it sounds like."""
        if requested == "contact" and turn.named("phone"):
            return True
        if requested not in self.free_text:
            return False
        # "刹车失灵过两次" is what happened; "人工" is not, and danger now must never wait.
        return turn.intent == "roadside_rescue" and not mentions(turn.text, "danger")

    def _stops(self, turn: Turn, requested: str | None) -> bool:
        if turn.kind == "text" and turn.text.strip() in words()["stop_alone"]:
            return True
        if turn.intent == "stop":
            # "不对，去莘庄立交那个" refuses one thing and names another.
            names = turn.named("time", "store", "station", "plate", "model", "city")
            return not names or mentions(turn.text, "stop_words") or requested in self.free_text
        return (
            turn.intent == "cancel_booking"
            and self.route not in {"cancel_booking", "change_booking"}
            and requested not in self.free_text
            and not turn.named("order_no", "time")
        )

    def _parked(self, turn: Turn, wishes: list[dict[str, Any]]) -> bool:
        """Keep a second wish for when this form is done; False if the message holds none."""
        if turn.intent not in words()["routes"] or turn.intent == self.route or not turn.sure:
            return False
        if all(wish["route"] != turn.intent for wish in wishes):
            wishes.append({"route": turn.intent, "text": turn.text, "entities": turn.entities})
        return True

    def _recall(self, tracker: Tracker, draft: Draft) -> None:
        """Take over what was filled in before a person had the word."""
        draft.talked_of = tracker.get_slot("talked_of")
        remembered = tracker.get_slot("remembered") or {}
        if remembered.get("form") != self.form:
            return
        for slot, value in (remembered.get("slots") or {}).items():
            if slot in FORM_SLOTS and slot not in {"offer", "decision", "options"}:
                draft.put(slot, value)

    def _end(self, draft: Draft, done: Finished, wishes: list[dict[str, Any]]) -> list[EventType]:
        events: list[EventType] = draft.events() if done.keep else list(NO_FORM)
        events.append(SlotSet("wishes", wishes or None))
        events.append(SlotSet("talked_of", None))
        # Kept for the person who takes over: what was being filled in.
        events.append(SlotSet("last_form", self.form if done.keep else None))
        if not done.keep:
            events.append(SlotSet("remembered", None))
        events += [SlotSet("requested_slot", None), ActiveLoop(None)]
        followup = done.followup or ("action_continue" if wishes else None)
        if followup:
            events.append(FollowupAction(followup))
        return events

    def _turned(self, tracker: Tracker) -> list[EventType]:
        return [SlotSet("form_turns", int(tracker.get_slot("form_turns") or 0) + 1)]
