"""What differs between the bookings: maintenance names a service, a swap a car that can, a test
drive a model.
"""

from __future__ import annotations

from bot.actions.base import Said
from bot.actions.booking_form import BookingForm
from bot.actions.buttons import human
from bot.actions.context import Visit, mentions, words
from bot.actions.forms import Draft, Finished
from pitstop.care import catalogue, places
from pitstop.care.permissions import Action as Permission
from pitstop.care.wishes import Kind


class MaintenanceForm(BookingForm):
    """Have the car serviced, inspected or repaired."""

    form = "maintenance_form"
    route = "book_maintenance"

    async def read_service(self, visit: Visit, draft: Draft, requested: str | None) -> None:
        """Take the service from the message as well."""
        turn = visit.turn
        asking = (
            turn.intent in {"faq", "service_price"}
            and requested is not None
            and not _corrects(turn.text)
        )
        items = [] if asking else await catalogue.match_services(visit.session, turn.text)
        usual = words()["usual_services"][0]
        named = bool(items) and items[0].code != usual
        if items and (
            draft["service"] is None
            or requested == "service"
            or named  # 大保养 after 保养 says which; 保养 again says nothing new
            or _corrects(turn.text)
        ):
            draft.put("service", items[0].code)
            if len(items) > 1:
                draft.put("note", turn.text)
        elif (
            not items
            and requested == "service"
            and len(turn.text) >= 3
            and not draft.changed
            and turn.intent in {"vehicle_fault", "book_maintenance", "complain", "inform"}
        ):
            # Something is wrong that no catalogue names: that is what an inspection is for.
            draft.put("service", words()["default_service"])
            draft.put("note", turn.text)

    def _ready(self, draft: Draft) -> bool:
        return super()._ready(draft) and draft["service"] is not None


class SwapForm(BookingForm):
    """Have the battery swapped, or a battery kept at a station."""

    form = "swap_form"
    route = "book_swap"
    kind: Kind = "swap"
    place_kinds = places.STATION_KINDS
    permission: Permission = "book_swap"

    async def begin(self, visit: Visit, draft: Draft, say: Said) -> None:
        """Only cars that can swap are asked about."""
        await super().begin(visit, draft, say)
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

    def _read_vehicle(self, visit: Visit, draft: Draft) -> None:
        models = visit.turn.named("model")
        if models:
            draft.put("model", str(models[0]))

    def _ready(self, draft: Draft) -> bool:
        return draft["model"] is not None


def _corrects(text: str) -> bool:
    return mentions(text, "correction_marks")
