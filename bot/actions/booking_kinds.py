"""What differs between the bookings: maintenance names a service, a swap a car that can, a test
drive a model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.actions.base import Said
from bot.actions.booking_form import BookingForm
from bot.actions.buttons import human
from bot.actions.context import Visit, mentions, words
from bot.actions.forms import Draft, Finished
from pitstop.care import bookings, catalogue, places, reach
from pitstop.care.people import OwnedVehicle
from pitstop.care.permissions import Action as Permission
from pitstop.care.wishes import Kind


class MaintenanceForm(BookingForm):
    """Have the car serviced, inspected or repaired."""

    form = "maintenance_form"
    route = "book_maintenance"

    async def narrow(self, visit: Visit, wishes: list[dict[str, Any]]) -> Visit:
        """Two cars in one message are two bookings: the first now, the other right after."""
        said = visit.turn.text
        cars = cars_in(said, visit.vehicles)
        if visit.turn.kind != "text" or visit.turn.kept or len(cars) < 2 or _corrects(said):
            return visit
        parts = []
        for number, (_, at) in enumerate(cars):
            until = cars[number + 1][1] if number + 1 < len(cars) else len(said)
            parts.append(said[: cars[0][1]] + said[at:until])
        own = [bool(await catalogue.match_services(visit.session, part)) for part in parts]
        turns = []
        for (car, _), part in zip(cars, parts, strict=True):
            # What is said once, at the end, is meant for all of them.
            text = part if all(own) else _without(said, [c for c, _ in cars if c is not car])
            inside = [
                e
                for e in visit.turn.entities
                if e.get("entity") not in _NAMES_A_CAR or e.get("value") in {car.plate, car.model}
            ]
            turns.append((text, inside))
        for text, inside in turns[1:]:
            wishes.append({"route": self.route, "text": text, "entities": inside})
        text, inside = turns[0]
        return replace(visit, turn=replace(visit.turn, text=text, entities=inside))

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """More of what is booked already is a change of it, not a second booking."""
        await super().begin(visit, draft, say)
        if mentions(visit.turn.text, "change_marks") and await has_booking(visit, self.kind):
            raise Finished("change_form")

    async def read_service(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take the services from the message as well."""
        await read_services(visit, draft, requested)

    def _ready(self, draft: Draft) -> bool:
        return super()._ready(draft) and draft["service"] is not None


class SwapForm(BookingForm):
    """Have the battery swapped, or a battery kept at a station."""

    form = "swap_form"
    route = "book_swap"
    kind: Kind = "swap"
    place_kinds = places.STATION_KINDS
    permission: Permission = "book_swap"
    goes_to_usual = False

    async def advance(self, visit: Visit, draft: Draft, say: Said, requested: str | None) -> None:
        """What the owner says of the car counts: a bottomed or flooded one is not swapped."""
        contracts = {v.battery_contract for v in visit.vehicles if v.id == draft["vehicle"]}
        contract = next(iter(contracts), None)
        if visit.turn.kind == "text" and (why := reach.condition_said(visit.turn.text, contract)):
            say(f"utter_refused_{why}", buttons=[human()])
            raise Finished
        await super().advance(visit, draft, say, requested)

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Only cars that can swap are asked about."""
        await super().begin(visit, draft, say)
        if mentions(visit.turn.text, "change_marks") and await has_booking(visit, self.kind):
            raise Finished("change_form")
        fitting = [v for v in visit.vehicles if v.swappable]
        if not fitting:
            say("utter_refused_not_swappable", buttons=[human()])
            raise Finished
        if len(fitting) == 1:
            draft.put("vehicle", fitting[0].id)


class TestDriveForm(BookingForm):
    """Try a car."""

    form = "test_drive_form"
    route = "book_test_drive"
    kind: Kind = "test_drive"
    place_kinds = places.TEST_DRIVE_KINDS
    permission: Permission = "book_test_drive"
    needs_vehicle = False
    goes_to_usual = False

    def _read_vehicle(self, visit: Visit, draft: Draft) -> None:
        models = visit.turn.named("model")
        if models:
            draft.put("model", str(models[0]))

    def _ready(self, draft: Draft) -> bool:
        return draft["model"] is not None


_NAMES_A_CAR = frozenset({"plate", "model", "vin"})


def cars_in(text: str, vehicles: list[OwnedVehicle]) -> list[tuple[OwnedVehicle, int]]:
    """Return the owner's cars that a message names, by plate, its last five or the model."""
    found = []
    for car in vehicles:
        alike = [other for other in vehicles if other.model == car.model]
        names = _names_of(car) if len(alike) == 1 else _names_of(car)[:2]
        places = [at for name in names if (at := text.upper().find(name)) >= 0]
        if places:
            found.append((car, min(places)))
    return sorted(found, key=lambda pair: pair[1])


def _names_of(car: OwnedVehicle) -> list[str]:
    return [car.plate, car.plate[-5:], car.model]


def _without(text: str, cars: list[OwnedVehicle]) -> str:
    """Return a message without the names of some cars."""
    for name in (name for car in cars for name in _names_of(car)):
        text = text.replace(name, " ")
    return text


async def has_booking(visit: Visit, kind: Kind) -> bool:
    """Say whether the owner has a booking of this kind that can still be changed."""
    found = await bookings.bookings_of(visit.session, visit.customer.id)
    return any(view.kind == kind and view.status == "confirmed" for view in found)


async def read_services(visit: Visit, draft: Draft, requested: str | None) -> None:
    """Take what is to be done: one thing or several, more of it, or less."""
    turn = visit.turn
    asking = (
        turn.intent in {"faq", "service_price"}
        and requested is not None
        and not _corrects(turn.text)
        and not catalogue.is_name(turn.text)
    )
    items = [] if asking else await catalogue.match_services(visit.session, turn.text)
    usual = words()["usual_services"][0]
    codes = [item.code for item in items]
    known: list[str] = list(draft["services"] or [])
    if known and codes and mentions(turn.text, "leave_out"):
        _choose(draft, [code for code in known if code not in codes] or known)
    elif known and codes and mentions(turn.text, "add_more"):
        _choose(draft, list(dict.fromkeys([*known, *codes])))
    elif codes and (
        draft["service"] is None
        or requested == "service"
        or codes[0] != usual  # 大保养 after 保养 says which; 保养 again says nothing new
        or _corrects(turn.text)
    ):
        _choose(draft, codes)
    elif (
        not items
        and requested == "service"
        and len(turn.text) >= 3
        and not draft.changed
        and turn.intent in {"vehicle_fault", "book_maintenance", "complain", "inform"}
    ):
        # Something is wrong that no catalogue names: that is what an inspection is for.
        _choose(draft, [words()["default_service"]])
        draft.put("note", turn.text)


def _choose(draft: Draft, codes: list[str]) -> None:
    draft.put("service", codes[0])
    draft.put("services", codes)


def _corrects(text: str) -> bool:
    return mentions(text, "correction_marks")
