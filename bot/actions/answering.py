"""Answers from the knowledge base: straight, with a choice, or honestly none."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet

from bot.actions.base import Said, Skill
from bot.actions.buttons import button, human, titled
from bot.actions.context import Visit, mentions, words
from knowledge_base import articles, unanswered
from knowledge_base.content import Content
from pitstop.base.masking import mask_text

MAX_MISSES = 2
"""Turns not understood in a row before a person takes over (design: after two)."""

DOUBTFUL = 0.6
"""Below it, "not our business" is asked back where articles come near."""

# What may be answered from the knowledge base in the middle of a form.
_QUESTIONS = frozenset(
    {
        "faq",
        "service_price",
        "find_station",
        "vehicle_fault",
        "recall_query",
        "points_membership",
        "privacy_request",
        "referral",
        "nlu_fallback",
        "out_of_scope",
    }
)


async def answer_inline(visit: Visit, say: Said, tracker: Tracker) -> bool:
    """Answer a question in the middle of something else; False if there is no sure answer."""
    turn = visit.turn
    if turn.intent not in _QUESTIONS or turn.decision != "answer" or not turn.hits:
        return False
    article = await articles.live(visit.session, str(turn.hits[0]["article_id"]))
    if article is None:
        return False
    say("utter_article", answer=article.answer.strip())
    return True


class Answer(Skill):
    """Answer a question: the article, a few to choose from, or that we do not know."""

    intent = "faq"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Say what the search decided."""
        return await answer(visit, say, tracker)


async def answer(visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
    """Give the article, a choice of questions, or the truth that there is none."""
    turn = visit.turn
    if turn.decision == "answer" and turn.hits:
        article = await articles.live(visit.session, str(turn.hits[0]["article_id"]))
        if article is not None:
            return _give(article, say)
    if turn.decision != "none":
        choices = []
        for hit in turn.hits:
            article = await articles.live(visit.session, str(hit["article_id"]))
            if article is not None:
                choices.append(titled(article.question, "choose", {"article": article.id}))
        if choices:
            say("utter_did_you_mean", buttons=[*choices, human()])
            return []
    await unanswered.note(visit.session, mask_text(turn.text), turn.decision, _best(turn.hits))
    return missed(say, tracker)


def missed(say: Said, tracker: Tracker) -> list[EventType]:
    """Say that there is no answer; the second time in a row, hand over instead of asking again."""
    misses = int(tracker.get_slot("misses") or 0) + 1
    if misses >= MAX_MISSES:
        say("utter_unknown_again")
        return [SlotSet("misses", 0), FollowupAction("action_talk_to_human")]
    say("utter_unknown", buttons=[human()])
    return [SlotSet("misses", misses)]


def _give(article: Content, say: Said) -> list[EventType]:
    buttons = []
    if article.next and article.next in words()["next_step"]:
        title = str(words()["next_step"][article.next])
        buttons.append(titled(title, article.next))
    buttons.append(button("not_solved", "not_solved", {"article": article.id}))
    say("utter_article", answer=article.answer.strip(), buttons=buttons)
    return [SlotSet("last_article", article.id), SlotSet("misses", 0)]


def _best(hits: list[dict[str, Any]]) -> float:
    return float(hits[0]["score"]) if hits else 0.0


class Choose(Skill):
    """Give the article that the owner picked from the choice."""

    intent = "choose"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Say the article, or that it has been taken down meanwhile."""
        article = await articles.live(visit.session, str(visit.turn.values.get("article") or ""))
        if article is None:
            say("utter_unknown", buttons=[human()])
            return []
        return _give(article, say)


class NotSolved(Skill):
    """An article did not help: a person, without another word about it."""

    intent = "not_solved"

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Note it for the editors and offer what is next."""
        article = await articles.live(visit.session, str(visit.turn.values.get("article") or ""))
        if article is not None:
            await unanswered.note(visit.session, article.question, "not_solved", 0.0)
        say("utter_not_solved", buttons=[human()])
        return []


class Fallback(Skill):
    """Not understood: what the search has, else an honest word; after two, a person."""

    intent = "nlu_fallback"
    misses = True

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Offer what is near; hand over the second time."""
        if visit.turn.decision == "clarify":
            return await answer(visit, say, tracker)
        return missed(say, tracker)


class OutOfScope(Skill):
    """Nothing that a car brand's service desk does."""

    intent = "out_of_scope"
    misses = True

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Say so, and what we can do; what an article answers is in scope after all."""
        turn = visit.turn
        doubtful = turn.decision == "clarify" and turn.confidence < DOUBTFUL
        if turn.decision == "answer" or doubtful:
            return await answer(visit, say, tracker)
        say("utter_out_of_scope", buttons=[human()])
        return []


class SmallTalk(Skill):
    """Greeting, thanks, goodbye, and questions about the bot itself."""

    intent = "chitchat"
    writes = False

    async def act(self, visit: Visit, say: Said, tracker: Tracker) -> list[EventType]:
        """Answer in kind, briefly; who is angry gets a person, not another line from a bot."""
        if mentions(visit.turn.text, "anger"):
            return [FollowupAction("action_talk_to_human")]
        for kind in words()["small_talk"]:
            if mentions(visit.turn.text, "small_talk", kind):
                say(f"utter_small_talk_{kind}")
                return []
        say("utter_small_talk_other")
        return []
