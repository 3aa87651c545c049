"""Moving and cancelling a booking."""

from __future__ import annotations

from bot.actions import speech
from bot.actions.base import Said
from bot.actions.booking_form import BookingForm
from bot.actions.buttons import human
from bot.actions.context import Visit
from bot.actions.forms import Draft, Finished, FormTurn
from pitstop.care import bookings, places
from pitstop.care.refusals import Refused
from pitstop.care.views import BookingView, booking_card
from pitstop.care.wishes import Kind


async def _own(visit: Visit) -> list[BookingView]:
    """Return what can still be moved or cancelled."""
    found = await bookings.bookings_of(visit.session, visit.customer.id)
    return [b for b in found if b.status == "confirmed" and b.kind != "rescue"]


def _meant(visit: Visit, found: list[BookingView]) -> BookingView | None:
    """Return the booking that the message points at, the only one, or None."""
    turn = visit.turn
    if "booking" in turn.values:
        return next((b for b in found if b.id == turn.values["booking"]), None)
    numbers = [str(n).upper() for n in turn.named("order_no")]
    for booking in found:
        if booking.reference in numbers:
            return booking
    if len(found) == 1:
        return found[0]
    named = turn.named("store", "station")
    fitting = [b for b in found if b.place and b.place.name in named]
    if len(fitting) == 1:
        return fitting[0]
    text = turn.text
    fitting = [b for b in found if speech.service_of(b) in text or _kind_said(b, text)]
    return fitting[0] if len(fitting) == 1 else None


def _kind_said(booking: BookingView, text: str) -> bool:
    return any(part and part in text for part in speech.label("kind_words", booking.kind).split())


class ChangeForm(BookingForm):
    """Put a booking to another time or place; what is not said stays as booked."""

    form = "change_form"
    route = "change_booking"
    needs_vehicle = False

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Find the booking that is meant."""
        found = await _own(visit)
        if not found:
            say("utter_no_booking_to_change", buttons=[human()])
            raise Finished
        booking = _meant(visit, found)
        if booking is not None:
            draft.put("booking", booking.id)

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take the booking, then the new time or place in terms of its kind."""
        if requested == "booking" or draft["booking"] is None:
            booking = _meant(visit, await _own(visit))
            if booking is not None:
                draft.put("booking", booking.id)
        await self._adopt(visit, draft)
        await super().read(visit, draft, requested)
        if draft["booking"] is None and "booking" in visit.turn.values:
            draft.put("booking", visit.turn.values["booking"])

    async def _adopt(self, visit: Visit, draft: Draft) -> None:
        """Let kind, place and car of the booking be those of the form."""
        if draft["booking"] is None:
            return
        booking = next((b for b in await _own(visit) if b.id == draft["booking"]), None)
        if booking is None:
            return
        kind: Kind = booking.kind  # type: ignore[assignment]
        self.kind = kind
        self.place_kinds = {
            "swap": places.STATION_KINDS,
            "test_drive": places.TEST_DRIVE_KINDS,
        }.get(booking.kind, places.SERVICE_KINDS)
        if draft["place"] is None and booking.place and not draft["options"]:
            draft.put("place", booking.place.id)
        if draft["service"] is None:
            draft.put("service", booking.service_code)
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
        if requested is None and draft["start"] is None and draft["window"] is None:
            say("utter_change_booking")
        await super().advance(visit, draft, say, requested)

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
        booking = _meant(visit, found)
        if booking is not None:
            draft.put("booking", booking.id)

    async def read(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take the booking, or the yes."""
        if draft["booking"] is None or requested == "booking":
            booking = _meant(visit, await _own(visit))
            if booking is not None:
                draft.put("booking", booking.id)
        elif requested == "decision" and (
            visit.turn.says_yes or (visit.turn.intent == "cancel_booking" and visit.turn.sure)
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
            )
        except Refused as refused:
            say(f"utter_refused_{refused.code}", buttons=[human()])
            raise Finished from refused
        say("utter_cancelled", card=booking_card(cancelled), **speech.described(cancelled))
        raise Finished
