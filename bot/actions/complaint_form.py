"""Taking a complaint: what happened, about what, what the owner wants, how to reach them."""

from __future__ import annotations

from bot.actions import speech
from bot.actions.base import Said
from bot.actions.context import Visit, mentions, words
from bot.actions.forms import Draft, Finished, FormTurn
from pitstop.base.masking import mask_phone
from pitstop.care import cases
from pitstop.care.cases import case_wire
from pitstop.care.permissions import require
from pitstop.language.segment import clauses

_LONG_ENOUGH = 6
"""Characters; less than this says that there is a complaint, not what it is about."""


class ComplaintForm(FormTurn):
    """Never asks how serious it is: that is ours to judge."""

    form = "complaint_form"
    route = "complain"
    free_text = frozenset({"what_happened", "wish"})

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Everybody may complain; the table says so."""
        await require(visit.session, visit.customer.id, "complain")

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take what the message tells: all at once, or what was asked for."""
        turn = visit.turn
        for slot in ("about", "wish", "contact"):
            if slot in turn.values:
                draft.put(slot, turn.values[slot])
        if turn.kind != "text" or not turn.text.strip():
            return
        text = turn.text.strip()
        for vehicle in visit.vehicles:
            if vehicle.plate in turn.named("plate") or vehicle.model in turn.named("model"):
                draft.put("about", vehicle.id)
        if turn.named("phone"):
            draft.put("contact", str(turn.named("phone")[0]))
        if requested is None:
            self._read_story(draft, text)
        elif requested == "what_happened" and turn.intent != "affirm":
            self._read_story(draft, text, asked=True)
        elif requested == "wish" and turn.intent not in {"affirm"}:
            draft.put("wish", text)
        elif requested == "contact" and not turn.named("phone"):
            if mentions(text, "here"):
                draft.put("contact", "here")
            elif turn.intent == "affirm" and visit.customer.phone:
                draft.put("contact", "on_file")
        elif requested == "about":
            if turn.intent == "deny":
                draft.put("about", "none")
            elif draft["wish"] is None:
                draft.put("wish", _wish_in(text))

    def _read_story(self, draft: Draft, text: str, *, asked: bool = False) -> None:
        vague = text.strip("。！!，, ") in words()["vague_complaint"]
        if vague or (len(text) < _LONG_ENOUGH and not asked):
            return
        draft.put("what_happened", text)
        if draft["wish"] is None:
            draft.put("wish", _wish_in(text))

    async def advance(self, visit: Visit, draft: Draft, say: Said, requested: str | None) -> None:
        """File the case as soon as everything is there."""
        if draft["about"] is None and draft["what_happened"]:
            if not visit.vehicles:
                draft.put("about", "none")
            elif len(visit.vehicles) == 1:
                draft.put("about", visit.vehicles[0].id)
        if requested is None and draft["what_happened"]:
            say("utter_complaint_heard")
        if any(draft[slot] is None for slot in ("what_happened", "about", "wish", "contact")):
            return
        about = None if draft["about"] == "none" else str(draft["about"])
        case = await cases.file_case(
            visit.session,
            text=str(draft["what_happened"]),
            wish=str(draft["wish"]),
            contact=self._contact(visit, draft),
            customer_id=visit.customer.id,
            vehicle_id=about,
            external_id=f"{visit.turn.message_id}:complaint",
        )
        respond_by = speech.when(case.respond_by)
        say(
            "utter_complaint_filed",
            card={"type": "case", **case_wire(case)},
            number=case.number,
            respond_by=respond_by,
            contact=self._shown_contact(visit, draft),
        )
        if case.severity == "P1":
            # 12315, lawyers, the press, returning the car: the complaints desk, no arguing.
            raise Finished("action_escalate")
        raise Finished

    def _contact(self, visit: Visit, draft: Draft) -> str | None:
        if draft["contact"] == "on_file":
            return visit.customer.phone
        return None if draft["contact"] == "here" else str(draft["contact"])

    def _shown_contact(self, visit: Visit, draft: Draft) -> str:
        phone = self._contact(visit, draft)
        labels = words()["labels"]
        return (
            str(labels["contact_phone"]).format(phone=mask_phone(phone))
            if phone
            else str(labels["contact_here"])
        )


def _wish_in(text: str) -> str | None:
    """Return the part of a complaint that says what the owner wants, None if it does not."""
    for clause, _, _ in clauses(text):
        marks = [clause.index(mark) for mark in words()["wish_marks"] if mark in clause]
        if marks:
            return clause[min(marks) :]
    return None
