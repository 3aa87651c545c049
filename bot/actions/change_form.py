"""Moving and cancelling a booking."""

from __future__ import annotations

from datetime import datetime

from bot.actions import speech
from bot.actions.base import Said
from bot.actions.booking_form import BookingForm
from bot.actions.booking_kinds import read_services
from bot.actions.booking_reading import morning
from bot.actions.buttons import human
from bot.actions.context import Turn, Visit, mentions
from bot.actions.forms import Draft, Finished, FormTurn
from pitstop.base import clock
from pitstop.care import bookings, catalogue, places
from pitstop.care.refusals import Refused
from pitstop.care.views import BookingView, booking_card
from pitstop.care.wishes import Kind
from pitstop.language.shift import read_shift
from pitstop.language.times import read_time

_KEEPS_TIME = frozenset({"mode", "service", "services", "person", "vehicle", "place"})


async def _own(visit: Visit) -> list[BookingView]:
    """Return what can still be moved or cancelled."""
    found = await bookings.bookings_of(visit.session, visit.customer.id)
    return [b for b in found if b.status == "confirmed" and b.kind != "rescue"]


async def _meant(visit: Visit, found: list[BookingView]) -> BookingView | None:
    """Return the booking that the message points at, the only one, or None."""
    turn = visit.turn
    if "booking" in turn.values:
        return next((b for b in found if b.id == turn.values["booking"]), None)
    numbers = _numbers(turn)
    for booking in found:
        if booking.reference in numbers:
            return booking
    if numbers:
        # Somebody else's number, or a mistyped one, is never the only one there is.
        return None
    if len(found) == 1:
        return found[0]
    plates = turn.named("plate")
    fitting = [b for b in found if b.vehicle and b.vehicle.plate in plates]
    if len(fitting) == 1:
        return fitting[0]
    named = turn.named("store", "station")
    fitting = [b for b in found if b.place and b.place.name in named]
    if len(fitting) == 1:
        return fitting[0]
    text = turn.text
    if mentions(text, "just_now") and found:
        # Ids grow with time: "the one just now" is what was booked last.
        return max(found, key=lambda b: b.id)
    day = read_time(text, clock.local_now())
    if turn.intent == "cancel_booking" and day is not None and day.start is not None:
        that_day = [b for b in found if b.start.date() == day.start.date()]
        if len(that_day) == 1:
            return that_day[0]
    codes = {item.code for item in await catalogue.match_services(visit.session, text)}
    fitting = [b for b in found if codes & set(b.services)]
    if len(fitting) == 1:
        return fitting[0]
    fitting = [b for b in found if speech.service_of(b) in text or _kind_said(b, text)]
    return fitting[0] if len(fitting) == 1 else None


async def _names_new(visit: Visit) -> str | None:
    """Return the form of what a message names with a time, where there is nothing to change.

    "下周二上午九点，四轮定位加换雨刮" is easily taken for a change of something.
    """
    text = visit.turn.text
    time = read_time(text, clock.local_now())
    if time is None or time.problem:
        return None
    if await catalogue.match_services(visit.session, text):
        return "maintenance_form"
    return "swap_form" if mentions(text, "swap_words") else None


def _yes_cancel(turn: Turn) -> bool:
    """Say whether an answer to "确定取消吗" is a yes that says so: "嗯取消"."""
    return (
        turn.kind == "text"
        and len(turn.text) <= _SHORT
        and mentions(turn.text, "cancel_yes")
        and not mentions(turn.text, "cancel_no")
    )


_SHORT = 8
"""Characters of an answer; more than that is a story."""


def _numbers(turn: Turn) -> list[str]:
    return [str(number).upper() for number in turn.named("order_no")]


def _refuse_strange(turn: Turn, found: list[BookingView], say: Said) -> None:
    """Say so if the number that was named is none of theirs; raises `Finished` then."""
    numbers = _numbers(turn)
    if numbers and not any(booking.reference in numbers for booking in found):
        say("utter_no_such_booking", number=numbers[0], buttons=[human()])
        raise Finished


def _kind_said(booking: BookingView, text: str) -> bool:
    return any(part and part in text for part in speech.label("kind_words", booking.kind).split())


class ChangeForm(BookingForm):
    """Put a booking to another time or place; what is not said stays as booked."""

    form = "change_form"
    route = "change_booking"
    needs_vehicle = False
    goes_to_usual = False

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Find the booking that is meant."""
        found = await _own(visit)
        if not found:
            if form := await _names_new(visit):
                raise Finished(form)
            say("utter_no_booking_to_change", buttons=[human()])
            raise Finished
        _refuse_strange(visit.turn, found, say)
        booking = await _meant(visit, found)
        if booking is not None:
            draft.put("booking", booking.id)

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take the booking, then the new time or place in terms of its kind."""
        if requested == "booking" or draft["booking"] is None:
            booking = await _meant(visit, await _own(visit))
            if booking is not None:
                draft.put("booking", booking.id)
        await self._adopt(visit, draft)
        # What was taken over from the booking is no change of it.
        draft.changed &= {"booking"}
        await super().read(visit, draft, requested)
        self._read_shift(visit, draft)
        if draft["booking"] is None and "booking" in visit.turn.values:
            draft.put("booking", visit.turn.values["booking"])

    def _read_shift(self, visit: Visit, draft: Draft) -> None:
        """Take "晚一个小时", counted from when the booking begins."""
        if visit.turn.kind != "text" or self.agreed_start is None:
            return
        by = read_shift(visit.turn.text)
        if by is not None:
            moved = datetime.fromisoformat(self.agreed_start) + by
            draft.put("start", moved.isoformat())
            draft.put("window", {"on": moved.isoformat(), "day": morning(moved).isoformat()})

    async def _adopt(self, visit: Visit, draft: Draft) -> None:
        """Let kind, place and car of the booking be those of the form."""
        if draft["booking"] is None:
            return
        booking = next((b for b in await _own(visit) if b.id == draft["booking"]), None)
        if booking is None:
            return
        kind: Kind = booking.kind  # type: ignore[assignment]
        self.kind = kind
        self.agreed_start = booking.start.isoformat()
        self.place_kinds = {
            "swap": places.STATION_KINDS,
            "test_drive": places.TEST_DRIVE_KINDS,
        }.get(booking.kind, places.SERVICE_KINDS)
        if draft["place"] is None and booking.place and not draft["options"]:
            draft.put("place", booking.place.id)
        if draft["service"] is None:
            draft.put("service", booking.service_code)
            draft.put("services", list(booking.services))
        if draft["vehicle"] is None and booking.vehicle:
            draft.put("vehicle", booking.vehicle.id)
        if draft["mode"] is None:
            draft.put("mode", booking.mode)
        if draft["address"] is None and booking.pickup_address:
            draft.put("address", booking.pickup_address)

    async def advance(self, visit: Visit, draft: Draft, say: Said, requested: str | None) -> None:
        """Propose the move once the booking is known."""
        await self._adopt(visit, draft)
        if draft["booking"] is None:
            return
        if draft["start"] is None and draft["window"] is None and draft.changed & _KEEPS_TIME:
            # Another place, or something more to be done: the time stays unless it can't.
            draft.put("start", self.agreed_start)
        if draft["start"] is None and draft["window"] is None and self.agreed_start:
            if requested is None:
                say("utter_change_booking")
            # "下午三点" alone is the afternoon of the day that is booked.
            day = morning(datetime.fromisoformat(self.agreed_start)).isoformat()
            draft.put("window", {"day": day, "start": day})
        await super().advance(visit, draft, say, requested)

    async def read_service(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take what more, or what less, is to be done."""
        if self.kind == "maintenance":
            await read_services(visit, draft, requested)

    def _ready(self, draft: Draft) -> bool:
        return draft["booking"] is not None


class CancelForm(FormTurn):
    """Cancel a booking, after a yes."""

    form = "cancel_form"
    route = "cancel_booking"

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Find the booking that is meant."""
        found = await _own(visit)
        if not found:
            say("utter_no_booking_to_change", buttons=[human()])
            raise Finished
        _refuse_strange(visit.turn, found, say)
        booking = await _meant(visit, found)
        if booking is not None:
            draft.put("booking", booking.id)

    def _stops(self, turn: Turn, requested: str | None) -> bool:
        # "嗯，取消" is the yes here.
        return not (requested == "decision" and _yes_cancel(turn)) and super()._stops(
            turn, requested
        )

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take the booking, or the yes."""
        if draft["booking"] is None or requested == "booking":
            booking = await _meant(visit, await _own(visit))
            if booking is not None:
                draft.put("booking", booking.id)
        elif requested == "decision" and (
            visit.turn.says_yes
            or (visit.turn.intent == "cancel_booking" and visit.turn.sure)
            or _yes_cancel(visit.turn)
        ):
            draft.put("decision", "yes")

    async def advance(self, visit: Visit, draft: Draft, say: Said, requested: str | None) -> None:
        """Cancel on the yes; a no ends it without a trace."""
        if requested == "decision" and visit.turn.intent == "deny":
            say("utter_form_stopped")
            raise Finished
        if draft["decision"] != "yes" or draft["booking"] is None:
            return
        try:
            cancelled = await bookings.cancel(
                visit.session,
                visit.customer.id,
                str(draft["booking"]),
                message_id=visit.turn.message_id,
                at_a_price=bool((draft["options"] or {}).get("fee")),
            )
        except Refused as refused:
            if refused.code == "driver_on_way":
                # Not free any more: said first, and only another yes cancels.
                fee = refused.details["fee"]
                draft.put("options", {"fee": str(fee)})
                draft.put("decision", None)
                say("utter_cancel_costs", fee=speech.price(fee, estimate=False))
                return
            say(f"utter_refused_{refused.code}", buttons=[human()])
            raise Finished from refused
        paid = (draft["options"] or {}).get("fee")
        response = "utter_cancelled_at_a_price" if paid else "utter_cancelled"
        say(response, card=booking_card(cancelled), **speech.described(cancelled))
        raise Finished
