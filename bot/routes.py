"""The routes: the skills that an owner's message can lead to, and what an intent means for them."""

from __future__ import annotations

ROUTES = (
    "book_maintenance",
    "book_swap",
    "book_test_drive",
    "change_booking",
    "cancel_booking",
    "booking_status",
    "service_price",
    "complain",
    "complaint_status",
    "talk_to_human",
    "roadside_rescue",
    "vehicle_fault",
    "vehicle_status",
    "find_station",
    "points_membership",
    "referral",
    "recall_query",
    "privacy_request",
    "feedback",
    "faq",
    "chitchat",
    "out_of_scope",
)

# What is said inside a dialogue; alone, without a form around it, it leads to no skill.
DIALOGUE = frozenset({"affirm", "deny", "stop", "inform"})

# A route of these kinds in a second clause is a second wish, kept for afterwards.
WISHES = frozenset(ROUTES) - {"faq", "chitchat", "out_of_scope", "feedback"}

# Nothing is done on these but to say something.
QUIET = frozenset({"faq", "chitchat", "out_of_scope"})

# These are never kept waiting behind another wish.
URGENT = ("roadside_rescue", "talk_to_human")

FALLBACK = "nlu_fallback"
