"""Short services: places, prices, faults, feedback, privacy, ratings."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet

from bot.actions import speech
from bot.actions.answering import answer
from bot.actions.base import Said, Skill
from bot.actions.buttons import button, human, titled
from bot.actions.context import Turn, Visit, mentions, words
from pitstop.base import clock
from pitstop.base.masking import mask_phone, mask_plate
from pitstop.care import bookings, cases, catalogue, coverage, feedback, forecast, places, surveys
from pitstop.care.cases import case_wire
from pitstop.care.judging import Judgement
from pitstop.care.permissions import require
from pitstop.care.positions import position_of
from pitstop.care.tables import Place, Vehicle

_NEAR = 3
_REQUEST = Judgement(category="other", severity="P3")


class FindStation(Skill):
    """The nearest swap station or store, its hours and its way."""

    intent = "find_station"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Show the named place, those of a city, or those near a position; else ask for one."""
        turn = visit.turn
        kinds = self._kinds(turn.text)
        position = await position_of(visit.session, turn.inbox_id)
        if position is not None:
            near = await places.nearest(visit.session, position, kinds, _NEAR)
            say(
                "utter_places_near",
                places="\n".join(_distance(row.name, km) for row, km in near),
                card={"type": "places", "places": [places.place_wire(r, km) for r, km in near]},
            )
            return []
        if mentions(turn.text, "own_booking") and await has_bookings(visit):
            return [FollowupAction("action_booking_status")]
        rows = []
        for name in turn.named("station", "store"):
            row = await places.by_name(visit.session, str(name))
            if row is not None:
                rows.append(row)
        if len(rows) == 1 and self._means_booking(turn):
            return [FollowupAction("swap_form")]
        talked_of = tracker.get_slot("talked_of")
        if not rows and talked_of and not mentions(turn.text, "near") and not turn.named("city"):
            rows = [await places.place(visit.session, str(talked_of))]
        chosen = turn.values.get("city")
        city = str(chosen or (turn.named("city") or [visit.customer.city or ""])[0])
        if not rows and not mentions(turn.text, "near") and city:
            rows = await places.all_places(visit.session, kinds, city)
        if not rows:
            say("utter_ask_position", city=city, buttons=_city_button(city))
            return [SlotSet("awaiting_position", turn.text)]
        say(
            "utter_places",
            places="\n".join(row.name for row in rows[:_NEAR]),
            card={"type": "places", "places": [places.place_wire(r) for r in rows[:_NEAR]]},
        )
        if len(rows) != 1:
            return []
        await self._tell_packs(visit, say, rows[0])
        return [SlotSet("talked_of", rows[0].id)]

    def _means_booking(self, turn: Turn) -> bool:
        """Say whether a station with a time is a swap wished for: "凌晨三点去陆家嘴换电行吗"."""
        return (
            turn.kind == "text"
            and bool(turn.named("time"))
            and mentions(turn.text, "swap_verbs")
            and not mentions(turn.text, "opening")
        )

    async def _tell_packs(self, visit: Visit, say: Said, row: Place) -> None:
        """Tell how many packs are to be expected there now, if that is what was asked."""
        cars = [v for v in visit.vehicles if v.swappable]
        if row.kind not in places.STATION_KINDS or not mentions(visit.turn.text, "queue"):
            return
        for pack_kwh in sorted({car.pack_kwh for car in cars}):
            now = await forecast.ready_packs(visit.session, row, pack_kwh, clock.now())
            count = int(now.expected)
            say("utter_station_now", place=row.name, pack=pack_kwh, count=count)

    def _kinds(self, text: str) -> tuple[str, ...]:
        if mentions(text, "swap_words"):
            return places.STATION_KINDS
        if mentions(text, "store_words"):
            return places.STORE_KINDS
        return (*places.STATION_KINDS, *places.SERVICE_KINDS)


def _distance(name: str, km: float) -> str:
    return str(words()["formats"]["distance"]).format(name=name, km=f"{km:.1f}")


def _city_button(city: str) -> list[dict[str, str]]:
    return [titled(city, "find_station", {"city": city})] if city else []


async def has_bookings(visit: Visit) -> bool:
    """Say whether the owner has anything booked."""
    return bool(await bookings.bookings_of(visit.session, visit.customer.id))


class Location(FindStation):
    """A shared position: what is near it."""

    intent = "location"

    def _kinds(self, text: str) -> tuple[str, ...]:
        return (*places.STATION_KINDS, *places.SERVICE_KINDS)


class Attachment(Skill):
    """A picture, a voice note, a PDF: honestly not understood, passed on to a person."""

    intent = "attachment"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Say that we can't look at it, and ask what a person would ask."""
        say(f"utter_attachment_{visit.turn.kind}", buttons=[human()])
        return []


class ServicePrice(Skill):
    """What a service costs: from the catalogue, else from the articles."""

    intent = "service_price"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Tell parts, labour and total of what was named."""
        items = await catalogue.match_services(visit.session, visit.turn.text)
        if not items and mentions(visit.turn.text, "swap_words") and await self._swap(visit, say):
            return await self._place_named(visit)
        if not items:
            # Prices that the catalogue has are read from it: an article may lag behind.
            return await answer(visit, say, tracker)
        centres = await places.all_places(visit.session, places.SERVICE_KINDS, visit.customer.city)
        if not centres:
            centres = await places.all_places(visit.session, places.SERVICE_KINDS)
        car = await visit.session.get(Vehicle, visit.vehicles[0].id) if visit.vehicles else None
        for item in items[:2]:
            price = await coverage.priced(visit.session, [item], "in_store", centres[0], car)
            say(
                "utter_price",
                service=item.name,
                price=speech.price(price.total, estimate=item.estimate),
                covered=speech.covered(price),
                parts=speech.price(price.parts, estimate=False),
                labour=speech.price(price.labour, estimate=False),
                minutes=item.minutes,
                place=centres[0].name,
                buttons=[button("book_this", "book_maintenance", {"service": item.code})],
            )
        return []

    async def _swap(self, visit: Visit, say: Said) -> bool:
        """Tell what filling up would cost now; False if no car of theirs can swap."""
        cars = [v for v in visit.vehicles if v.swappable]
        if not cars:
            return False
        row = await visit.session.get(Vehicle, cars[0].id)
        if row is None:
            return False
        price = await coverage.swap_priced(visit.session, "station", row)
        say(
            "utter_price_swap",
            vehicle=speech.car(cars[0]),
            soc=row.soc,
            price=speech.price(price.total, estimate=True),
            parts=speech.price(price.parts, estimate=False),
            labour=speech.price(price.labour, estimate=False),
            covered=speech.covered(price),
            buttons=[button("book_this", "book_swap")],
        )
        return True

    async def _place_named(self, visit: Visit) -> list[EventType]:
        """Remember the place that was named: "那约八点吧" then means there."""
        for name in visit.turn.named("station", "store"):
            row = await places.by_name(visit.session, str(name))
            if row is not None:
                return [SlotSet("talked_of", row.id)]
        return []


class VehicleFault(Skill):
    """A symptom: safe published steps if there are any, never a diagnosis."""

    intent = "vehicle_fault"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Give published steps, else say that a technician has to look."""
        if visit.turn.decision == "answer":
            events = await answer(visit, say, tracker)
        else:
            say("utter_fault")
            events = []
        say(
            "utter_fault_next",
            buttons=[
                titled(
                    str(words()["next_step"]["book_maintenance"]),
                    "book_maintenance",
                    {"service": words()["default_service"]},
                ),
                titled(
                    str(words()["next_step"]["roadside_rescue"]),
                    "roadside_rescue",
                    {"confirmed": True},
                ),
                human(),
            ],
        )
        return events


class Feedback(Skill):
    """Praise or a suggestion: written down."""

    intent = "feedback"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Note it, then say so."""
        await feedback.note_feedback(
            visit.session, visit.customer.id, visit.turn.text, visit.turn.message_id
        )
        say("utter_feedback_noted")
        return []


class Privacy(Skill):
    """See, correct, export, delete; withdraw consent."""

    intent = "privacy_request"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Show what we hold; register everything else as a request with a number."""
        turn = visit.turn
        what = turn.values.get("what") or next(
            (key for key in words()["privacy_words"] if mentions(turn.text, "privacy_words", key)),
            None,
        )
        if what is None:
            say("utter_privacy", buttons=_privacy_buttons(words()["privacy"]))
            return []
        if what == "view":
            self._show(visit, say)
            return []
        if what == "delete":
            await require(visit.session, visit.customer.id, "delete_data")
        elif what == "export":
            await require(visit.session, visit.customer.id, "export_data")
        if not turn.values.get("sure"):
            title = str(words()["privacy"][what])
            say(
                "utter_privacy_confirm",
                what=title,
                buttons=[
                    button(
                        "confirm",
                        "privacy_request",
                        # Two presses are one request: it is known by the message that asked.
                        {"what": what, "sure": True, "asked": turn.message_id},
                    ),
                    button("stop", "stop"),
                ],
            )
            return []
        case = await cases.file_case(
            visit.session,
            kind="request",
            text=str(words()["privacy"][what]),
            wish=str(words()["privacy"][what]),
            contact=visit.customer.phone,
            customer_id=visit.customer.id,
            external_id=f"{turn.values.get('asked') or turn.message_id}:privacy",
            judged=_REQUEST,
        )
        say(
            "utter_privacy_filed",
            number=case.number,
            what=str(words()["privacy"][what]),
            respond_by=speech.when(case.respond_by),
            card={"type": "case", **case_wire(case)},
        )
        return []

    def _show(self, visit: Visit, say: Said) -> None:
        phone = mask_phone(visit.customer.phone) if visit.customer.phone else "—"
        cars = "、".join(f"{v.model} {mask_plate(v.plate)}" for v in visit.vehicles) or "—"
        rest = {k: v for k, v in words()["privacy"].items() if k != "view"}
        say(
            "utter_privacy_view",
            name=visit.customer.name,
            phone=phone,
            vehicles=cars,
            buttons=_privacy_buttons(rest),
        )


def _privacy_buttons(titles: dict[str, str]) -> list[dict[str, str]]:
    return [titled(str(title), "privacy_request", {"what": what}) for what, title in titles.items()]


class Rate(Skill):
    """The rating after a person has helped."""

    intent = "rate"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Write it down; a bad one is asked about."""
        score = int(visit.turn.values.get("score") or 0)
        try:
            rated = await surveys.rate(
                visit.session,
                visit.customer.id,
                survey_id=str(visit.turn.values.get("survey") or ""),
                score=score,
                message_id=visit.turn.message_id,
            )
        except LookupError:
            say("utter_rating_gone")
            return []
        # After a service the survey has said itself that somebody will call.
        say("utter_rated_low" if score <= 2 and rated.booking_id is None else "utter_rated")
        return []


class Solved(Skill):
    """Whether it is solved, asked after the rating."""

    intent = "solved"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Write it down; a no has somebody call, which the survey itself says."""
        solved = bool(visit.turn.values.get("solved"))
        try:
            await surveys.answer_solved(
                visit.session,
                visit.customer.id,
                survey_id=str(visit.turn.values.get("survey") or ""),
                solved=solved,
                message_id=visit.turn.message_id,
            )
        except LookupError:
            say("utter_rating_gone")
            return []
        say("utter_solved_yes" if solved else "utter_solved_no")
        return []
