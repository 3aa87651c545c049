"""What a form asks when something is missing: one action a slot, with what fits as buttons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions import speech
from bot.actions.base import Said
from bot.actions.buttons import button, titled
from bot.actions.context import Turn, Visit, database, visit, words
from pitstop.base import clock
from pitstop.base.masking import mask_phone
from pitstop.care import bookings, catalogue, offers, places
from pitstop.care.views import offer_card

_STOP = ("stop", "stop")


class Ask(Action):
    """Ask for one slot of the form that is active."""

    slot: str = ""

    def name(self) -> str:
        """Return the name under which Rasa looks for it."""
        return f"action_ask_{self.slot}"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Say the question."""
        raise NotImplementedError

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        """Ask; nothing is written."""
        async with database().read() as session:
            await self.ask(await visit(session, Turn.of(tracker)), Said(dispatcher), tracker)
        return []


class AskService(Ask):
    """What is to be done."""

    slot = "service"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer what is due for the car first, then what is asked for most."""
        vehicle = next((v for v in visit.vehicles if v.id == tracker.get_slot("vehicle")), None)
        items = await catalogue.services(visit.session)
        codes: list[str] = []
        known: list[catalogue.Due] = []
        if vehicle is not None or len(visit.vehicles) == 1:
            codes = catalogue.due_items(vehicle or visit.vehicles[0], clock.now(), items)
            known = catalogue.due_report(vehicle or visit.vehicles[0], clock.now(), items)
        names = {item.code: item.name for item in items}
        codes = list(dict.fromkeys([*codes, *words()["usual_services"]]))[:4]
        shown = [i for code in codes if (i := await catalogue.service(visit.session, code))]
        self._tell_due(say, known, names)
        say(
            "utter_ask_service",
            buttons=[titled(i.name, "inform", {"service": i.code}) for i in shown],
        )

    def _tell_due(self, say: Said, known: list[catalogue.Due], names: dict[str, str]) -> None:
        """Say what is due and what is not, where the car's age is known."""
        due = [names[entry.code] for entry in known if entry.due and entry.code in names]
        rest = [speech.not_due(entry, names[entry.code]) for entry in known if not entry.due]
        if due:
            say(
                "utter_due",
                due=speech.filled("due_list", due="、".join(due)),
                rest=speech.filled("not_due_list", rest="、".join(rest[:3])) if rest else "",
            )


class AskPlace(Ask):
    """Where."""

    slot = "place"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer what was named ambiguously, what is near, or the usual place."""
        ids = (tracker.get_slot("options") or {}).get("places") or []
        buttons = []
        for place_id in ids:
            place = await places.place(visit.session, place_id)
            title = place.name if not place.side else f"{place.name}·{place.side}"
            buttons.append(titled(title, "inform", {"place": place.id}))
        form = (tracker.active_loop or {}).get("name")
        say("utter_ask_station" if form == "swap_form" else "utter_ask_place", buttons=buttons)


class AskVehicle(Ask):
    """Which car."""

    slot = "vehicle"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer the owner's cars."""
        say(
            "utter_ask_vehicle",
            buttons=[
                titled(speech.car(vehicle), "inform", {"vehicle": vehicle.id})
                for vehicle in visit.vehicles
            ],
        )


class AskModel(Ask):
    """Which model to try."""

    slot = "model"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer the models."""
        say(
            "utter_ask_model",
            buttons=[titled(code, "inform", {"model": code}) for code in words()["models"]],
        )


class AskStart(Ask):
    """When."""

    slot = "start"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer up to three times that are free."""
        options = (tracker.get_slot("options") or {}).get("slots") or []
        buttons = []
        several = len({place for place, _ in options}) > 1
        for place_id, start in options:
            title = speech.when(datetime.fromisoformat(start))
            if several:
                place = await places.place(visit.session, place_id)
                title = f"{title} {place.name}"
            buttons.append(titled(title, "inform", {"start": start, "place": place_id}))
        if buttons:
            say("utter_ask_start", buttons=buttons)
        else:
            say("utter_ask_start_open")


class AskAddress(Ask):
    """Where to fetch the car."""

    slot = "address"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Ask for an address."""
        say("utter_ask_address")


class AskDecision(Ask):
    """The offer, and the question for a yes."""

    slot = "decision"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Show what, where, when, which car, how and the price; or what is to be cancelled."""
        form = (tracker.active_loop or {}).get("name")
        if form == "cancel_form":
            await self._cancelling(visit, say, tracker)
            return
        found = await offers.open_offers(visit.session, visit.customer.id)
        offer = next((o for o in found if o.id == tracker.get_slot("offer")), None)
        if offer is None:
            say("utter_offer_gone", buttons=[button("other_time", "inform", {"drop": "start"})])
            return
        buttons = [
            button("confirm", "affirm", {"offer": offer.id}),
            button("other_time", "inform", {"drop": "start"}),
            button("other_place", "inform", {"drop": "place"}),
        ]
        if offer.kind == "maintenance" and offer.mode == "in_store":
            buttons.append(button("pickup", "inform", {"mode": "pickup"}))
        response = f"utter_offer_{offer.kind}"
        if offer.moves_booking_id:
            response = "utter_offer_move"
        elif offer.plan:
            response = "utter_offer_plan"
        said = speech.described(offer)
        if offer.clashes_with:
            say("utter_clash", other=offer.clashes_with)
        buttons.append(button(*_STOP))
        say(response, buttons=buttons, card=offer_card(offer), **said)

    async def _cancelling(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        found = await bookings.bookings_of(visit.session, visit.customer.id)
        booking = next((b for b in found if b.id == tracker.get_slot("booking")), None)
        if booking is None:
            say("utter_no_booking")
            return
        say(
            "utter_offer_cancel",
            buttons=[
                button("confirm", "affirm", {"booking": booking.id}),
                button("keep", "stop"),
            ],
            **speech.described(booking),
        )


class AskBooking(Ask):
    """Which booking is meant."""

    slot = "booking"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer the owner's bookings."""
        found = await bookings.bookings_of(visit.session, visit.customer.id)
        say(
            "utter_ask_booking",
            buttons=[
                titled(
                    f"{speech.service_of(view)} {speech.when(view.start)}",
                    "inform",
                    {"booking": view.id},
                )
                for view in found
                if view.kind != "rescue" and view.status == "confirmed"
            ][:5],
        )


class AskWhatHappened(Ask):
    """A complaint: what happened."""

    slot = "what_happened"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Ask openly."""
        say("utter_ask_what_happened")


class AskAbout(Ask):
    """A complaint: which car or order."""

    slot = "about"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer the owner's cars, or none."""
        say(
            "utter_ask_about",
            buttons=[
                *(titled(speech.car(v), "inform", {"about": v.id}) for v in visit.vehicles),
                button("not_about_car", "inform", {"about": "none"}),
            ],
        )


class AskWish(Ask):
    """A complaint: what the owner wants."""

    slot = "wish"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer the usual wishes; anything may be written."""
        say(
            "utter_ask_wish",
            buttons=[
                titled(str(title), "inform", {"wish": str(title)})
                for title in words()["wishes"].values()
            ],
        )


class AskContact(Ask):
    """A complaint: how to reach the owner."""

    slot = "contact"

    async def ask(self, visit: Visit, say: Said, tracker: Tracker) -> None:
        """Offer the number on file, masked, or an answer in the chat."""
        buttons = []
        if visit.customer.phone:
            tail = mask_phone(visit.customer.phone)[-4:]
            buttons.append(button("phone_on_file", "inform", {"contact": "on_file"}, tail=tail))
        buttons.append(button("reply_here", "inform", {"contact": "here"}))
        say("utter_ask_contact", buttons=buttons)
