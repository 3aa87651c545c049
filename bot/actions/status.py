"""What stands: bookings, cases, the car, points."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType

from bot.actions import speech
from bot.actions.answering import answer
from bot.actions.base import Said, Skill
from bot.actions.buttons import button, human
from bot.actions.context import Visit, mentions, words
from pitstop.base.masking import mask_plate
from pitstop.care import bookings, cases
from pitstop.care.cases import case_wire
from pitstop.care.permissions import require
from pitstop.care.views import booking_card

_SHOWN = 3


class BookingStatus(Skill):
    """What is booked, and how far it has come."""

    intent = "booking_status"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Show the next bookings, each with what can be done about it."""
        found = await bookings.bookings_of(visit.session, visit.customer.id)
        if mentions(visit.turn.text, "last_time"):
            past = await bookings.bookings_of(visit.session, visit.customer.id, active_only=False)
            found = [view for view in past if view.status == "done"][-1:] or found
        if not found:
            say("utter_no_booking", buttons=[human()])
            return []
        for view in found[:_SHOWN]:
            buttons = []
            if view.status == "confirmed" and view.kind != "rescue":
                buttons = [
                    button("change", "change_booking", {"booking": view.id}),
                    button("cancel", "cancel_booking", {"booking": view.id}),
                ]
            say(
                "utter_booking_status",
                card=booking_card(view),
                buttons=buttons,
                **speech.described(view),
            )
        return []


class ComplaintStatus(Skill):
    """Where a case stands; who asks impatiently chases it."""

    intent = "complaint_status"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Name the case, the last step and the next time; the second chase escalates."""
        turn = visit.turn
        found = await cases.open_cases(visit.session, visit.customer.id)
        numbers = [str(n).upper() for n in turn.named("order_no")]
        found = [c for c in found if c.number in numbers] or found
        if not found:
            say("utter_no_case", buttons=[button("chase_none", "complain"), human()])
            return []
        case_id = str(turn.values.get("case") or found[0].id)
        if turn.values.get("chase") or mentions(turn.text, "chase"):
            chased = await cases.chase(
                visit.session,
                visit.customer.id,
                case_id=case_id,
                message_id=turn.message_id,
                note=turn.text,
            )
            say(
                "utter_chased_again" if chased.escalated else "utter_chased",
                number=chased.case.number,
                step=speech.label("case_step", chased.last_step),
                step_at=speech.when(chased.last_step_at),
                next_at=speech.when(chased.next_at),
                times=chased.chases,
                card={"type": "case", **case_wire(chased.case)},
                buttons=[human()],
            )
            return []
        for case in found[:_SHOWN]:
            say(
                "utter_case_status",
                number=case.number,
                status=speech.label("case_status", case.status),
                next_at=speech.when(case.next_at),
                card={"type": "case", **case_wire(case)},
                buttons=[button("chase", "complaint_status", {"case": case.id, "chase": True})],
            )
        return []


class VehicleStatus(Skill):
    """Charge, range and battery health of the owner's cars."""

    intent = "vehicle_status"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Show the figures of the car that is meant, or of all."""
        await require(visit.session, visit.customer.id, "view_vehicle")
        turn = visit.turn
        meant = [
            v
            for v in visit.vehicles
            if v.plate in turn.named("plate") or v.model in turn.named("model")
        ]
        if turn.named("plate") and not meant:
            say("utter_not_allowed_not_your_vehicle")
            return []
        if not visit.vehicles:
            say("utter_no_vehicle", buttons=[human()])
            return []
        for vehicle in meant or visit.vehicles[:_SHOWN]:
            say(
                "utter_vehicle_status",
                vehicle=speech.car(vehicle),
                soc=vehicle.soc,
                range_km=vehicle.range_km,
                soh=vehicle.soh,
                mileage=vehicle.mileage_km,
                card={
                    "type": "vehicle",
                    "plate": vehicle.plate,
                    "model": vehicle.model,
                    "soc": vehicle.soc,
                    "range_km": vehicle.range_km,
                    "soh": vehicle.soh,
                },
            )
        return []


class Points(Skill):
    """Points and tier; questions about their rules go to the articles."""

    intent = "points_membership"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Tell the balance; a question about the rules goes to the articles."""
        own = mentions(visit.turn.text, "own_marks") or visit.turn.kept
        if visit.turn.decision == "answer" or (visit.turn.decision == "clarify" and not own):
            return await answer(visit, say, tracker)
        say(
            "utter_points",
            points=visit.customer.points,
            tier=words()["labels"]["tier"].get(visit.customer.tier, visit.customer.tier),
        )
        return []


class Referral(Skill):
    """Recommending a friend."""

    intent = "referral"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Tell the owner's code and how it is used, after what the articles say."""
        if visit.turn.decision == "answer":
            await answer(visit, say, tracker)
        if visit.customer.referral_code:
            say("utter_referral", code=visit.customer.referral_code)
        else:
            say("utter_referral_none", buttons=[human()])
        return []


class Recall(Skill):
    """Recalls: our silence is never "no recall"."""

    intent = "recall_query"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Point at the official notice and offer a person who checks by VIN."""
        cars = "、".join(f"{v.model} {mask_plate(v.plate)}" for v in visit.vehicles)
        say(
            "utter_recall" if cars else "utter_recall_no_car",
            vehicles=cars,
            buttons=[human()],
        )
        return []
