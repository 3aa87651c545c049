"""Buttons under what the desk told an owner: another time, a driver's consent, extra work."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from rasa_sdk import Tracker
from rasa_sdk.events import EventType

from bot.actions import speech
from bot.actions.base import Said, Skill
from bot.actions.booking_form import alternatives, read_back
from bot.actions.buttons import button, human, titled
from bot.actions.context import Visit, words
from pitstop.care import bookings, journeys, offers, places, quotes
from pitstop.care.quotes import QuoteRefused, QuoteView
from pitstop.care.refusals import Refused
from pitstop.care.wishes import Kind


class TakeSlot(Skill):
    """A time offered in place of one that cannot be kept: pressing it is the yes."""

    intent = "take_slot"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Move the booking there; if that is gone too, offer what is left."""
        values = visit.turn.values
        found = await bookings.bookings_of(visit.session, visit.customer.id)
        booking = next((b for b in found if b.id == values.get("booking")), None)
        if booking is None:
            say("utter_no_booking_to_change", buttons=[human()])
            return []
        kind: Kind = booking.kind  # type: ignore[assignment]
        try:
            offer = await offers.propose(
                visit.session,
                visit.customer.id,
                kind=kind,
                place_id=str(values["place"]),
                start=datetime.fromisoformat(str(values["start"])),
                message_id=visit.turn.message_id,
                moves_booking_id=booking.id,
            )
            moved = await offers.accept(
                visit.session, visit.customer.id, offer.id, message_id=visit.turn.message_id
            )
        except Refused as refused:
            buttons = []
            for place_id, start in alternatives(refused.alternatives)[:3]:
                place = await places.place(visit.session, place_id)
                title = f"{speech.when(datetime.fromisoformat(start))} {place.name}"
                chosen = {"booking": booking.id, "place": place_id, "start": start}
                buttons.append(titled(title, "take_slot", chosen))
            say("utter_refused_full", buttons=[*buttons, human()])
            return []
        read_back(say, moved, moved=True)
        return []


class TakeOffer(Skill):
    """A yes to an offer that somebody else has made."""

    intent = "take_offer"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Book it; the second press finds the first booking."""
        try:
            booked = await offers.accept(
                visit.session,
                visit.customer.id,
                str(visit.turn.values.get("offer") or ""),
                message_id=visit.turn.message_id,
            )
        except (Refused, LookupError) as error:
            code = error.code if isinstance(error, Refused) else "offer_expired"
            say("utter_refused_full" if code == "full" else "utter_refused_offer_expired")
            return []
        read_back(say, booked)
        return []


class BookingConsent(Skill):
    """Whether a driver may have the address and a masked number."""

    intent = "booking_consent"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Write the answer down; without a yes the driver's sheet stays empty."""
        give = bool(visit.turn.values.get("give"))
        try:
            booking = await journeys.give_consent(
                visit.session,
                visit.customer.id,
                str(visit.turn.values.get("booking") or ""),
                give,
                message_id=visit.turn.message_id,
            )
        except LookupError:
            say("utter_button_old")
            return []
        response = "utter_consent_given" if give else "utter_consent_refused"
        say(response, reference=booking.reference)
        return []


class QuoteDecision(Skill):
    """A yes or no to extra work, line by line or to all of it."""

    intent = "quote_decision"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Keep the decision with who and when, then say what stands."""
        values = visit.turn.values
        approve = bool(values.get("approve"))
        line = values.get("line")
        try:
            quote = await quotes.decide(
                visit.session,
                visit.customer.id,
                str(values.get("quote") or ""),
                approve if line is None else {str(line): approve},
                message_id=visit.turn.message_id,
            )
        except (LookupError, QuoteRefused):
            say("utter_quote_gone", buttons=[human()])
            return []
        tell_decided(say, quote)
        return []


def tell_decided(say: Said, quote: QuoteView) -> None:
    """Say what of a quote is to be done, and ask about what is still open."""
    left = [line for line in quote.lines if line.approved is None]
    done = [line for line in quote.lines if line.approved]
    buttons = [
        titled(
            f"{words()['buttons'][key]}：{line.name}",
            "quote_decision",
            {"quote": quote.id, "line": line.id, "approve": yes},
        )
        for line in left[:3]
        for key, yes in (("do_it", True), ("skip_it", False))
    ]
    if not done and not left:
        say("utter_quote_declined")
        return
    if not done:
        say("utter_quote_open", buttons=buttons)
        return
    total = sum((line.parts_price + line.labour_price for line in done), Decimal(0))
    say(
        "utter_quote_approved",
        lines="、".join(line.name for line in done),
        total=speech.price(total, estimate=False),
        buttons=buttons,
    )


async def open_quote(visit: Visit) -> QuoteView | None:
    """Return the one quote that waits for this owner, None if there are none or several."""
    found = await quotes.open_quotes(visit.session, visit.customer.id)
    return found[0] if len(found) == 1 else None


def ask_quote(say: Said, quote: QuoteView) -> None:
    """Show an open quote again with its buttons: a typed word never approves money by guess."""
    say(
        "utter_quote_again",
        lines="\n".join(
            speech.label_line(line.name, line.parts_price + line.labour_price)
            for line in quote.lines
            if line.approved is None
        ),
        buttons=[
            button("all_yes", "quote_decision", {"quote": quote.id, "line": None, "approve": True}),
            button("all_no", "quote_decision", {"quote": quote.id, "line": None, "approve": False}),
            human(),
        ],
        card=quotes.quote_card(quote),
    )
