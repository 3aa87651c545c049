"""All actions that the server offers, by module."""

from __future__ import annotations

from rasa_sdk import Action

from bot.actions import (
    answering,
    asks,
    booked,
    booking_kinds,
    change_form,
    complaint_form,
    dialogue,
    people,
    service,
    status,
)

_CLASSES: tuple[type[Action], ...] = (
    answering.Answer,
    answering.Choose,
    answering.NotSolved,
    answering.Fallback,
    answering.OutOfScope,
    answering.SmallTalk,
    asks.AskService,
    asks.AskPlace,
    asks.AskVehicle,
    asks.AskModel,
    asks.AskStart,
    asks.AskAddress,
    asks.AskDecision,
    asks.AskBooking,
    asks.AskWhatHappened,
    asks.AskAbout,
    asks.AskWish,
    asks.AskContact,
    booked.TakeSlot,
    booked.TakeOffer,
    booked.BookingConsent,
    booked.QuoteDecision,
    booking_kinds.MaintenanceForm,
    booking_kinds.SwapForm,
    booking_kinds.TestDriveForm,
    change_form.ChangeForm,
    change_form.CancelForm,
    complaint_form.ComplaintForm,
    dialogue.Continue,
    dialogue.Affirm,
    dialogue.Deny,
    dialogue.Stop,
    dialogue.Inform,
    dialogue.Resume,
    dialogue.SessionStart,
    people.TalkToHuman,
    people.Escalate,
    people.Rescue,
    people.RescueNo,
    service.FindStation,
    service.Location,
    service.Attachment,
    service.ServicePrice,
    service.VehicleFault,
    service.Feedback,
    service.Privacy,
    service.Rate,
    service.Solved,
    status.BookingStatus,
    status.ComplaintStatus,
    status.VehicleStatus,
    status.Points,
    status.Referral,
    status.Recall,
)


def all_actions() -> list[Action]:
    """Return one instance of each action."""
    return [cls() for cls in _CLASSES]
