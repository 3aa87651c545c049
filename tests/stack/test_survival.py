"""Whatever is killed: answered or with a person, nothing doubled, nothing claimed wrongly."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from pitstop.care import handoffs
from pitstop.storage.database import Database
from tests.stack.agent import Agent
from tests.stack.owner import Answer, Owner, assert_nothing_claimed, button, buttons, cards, heard
from tests.stack.stack import Stack, wait_for

BOOK = "周四下午两点去闵行店做小保养"
LEASE = 40.0  # seconds: a dead process's turn is taken up well within


def in_background(work: Callable[[], Any]) -> threading.Thread:
    """Send something whose answer may never come."""

    def run() -> None:
        try:
            work()
        except (requests.RequestException, AssertionError):
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def ids(answer: Answer) -> list[str]:
    """Return the ids of what was said."""
    return [message["id"] for message in answer["messages"]]


def being_asked(stack: Stack, owner: Owner) -> None:
    """Wait until the bot is being asked about the owner's last message."""

    def leased() -> bool:
        rows = stack.rows("inbox", customer_id=owner.id, state="waiting")
        return any(row["lease_holder"] for row in rows)

    wait_for(leased, what="a turn under way")


def all_answered(stack: Stack) -> bool:
    """Say whether no message waits any more."""
    return stack.count("inbox", state="waiting") == 0


# ---- the action server ---------------------------------------------------------------------------


def test_actions_killed_in_the_middle_of_a_booking(stack: Stack, owner: Owner) -> None:
    confirm = button(owner.say(BOOK), "确定")
    stack.kill("actions")
    try:
        assert stack.health()[0] == 503
        failed = owner.press(confirm)
        assert_nothing_claimed(failed)
        assert "没占时段" in heard(failed)
        assert {"再试一次", "转人工"} <= set(buttons(failed))
        assert owner.bookings() == []
        assert stack.rows("tick", booking_id="") == []
    finally:
        stack.restart("actions")
    booked = owner.press(confirm)
    (booking,) = owner.bookings("maintenance")
    assert booking["reference"] in heard(booked)
    # And the turn that failed, tried again, finds what is there.
    owner.press(button(failed, "再试一次"))
    assert len(owner.bookings()) == 1


def test_actions_that_hang_are_given_up_in_time(stack: Stack, owner: Owner) -> None:
    owner.say("你好")
    before = stack.tracker_rows(owner.conversation_id)
    stack.signal("actions", signal.SIGSTOP)
    try:
        failed = owner.say(BOOK)
        assert failed["pending"] is False
        assert_nothing_claimed(failed)
        assert "再试一次" in buttons(failed)
        # The aborted turn is not kept: the bot remembers nothing that it could not do.
        assert len(stack.tracker_rows(owner.conversation_id)) == len(before)
    finally:
        stack.signal("actions", signal.SIGCONT)
        stack.wait_ready()
    again = owner.press(button(failed, "再试一次"))
    assert cards(again, "offer")
    owner.press(button(again, "确定"))
    assert len(owner.bookings()) == 1


# ---- the app -------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["an offer", "a booking"])
def test_the_app_killed_while_the_bot_answers(stack: Stack, owner: Owner, asked: str) -> None:
    """The bot does its work, nobody is there to hear it; the next process asks again."""
    if asked == "a booking":
        confirm = button(owner.say(BOOK), "确定")
    before = owner.here()
    stack.signal("actions", signal.SIGSTOP)
    try:
        in_background(lambda: owner.press(confirm) if asked == "a booking" else owner.say(BOOK))
        being_asked(stack, owner)
        stack.kill("app")
    finally:
        stack.signal("actions", signal.SIGCONT)
        stack.restart("app")
    wait_for(lambda: all_answered(stack), LEASE, "an answer")
    answers = [line for line in owner.history(before) if line["sender"] != "owner"]
    assert len(answers) == 1, answers
    if asked == "a booking":
        (booking,) = owner.bookings("maintenance")
        assert booking["reference"] in answers[0]["text"]
    else:
        assert answers[0]["card"]["type"] == "offer"
        assert stack.count("offer", customer_id=owner.id) == 1
        assert owner.bookings() == []


# ---- Rasa ----------------------------------------------------------------------------------------


def test_rasa_killed(
    stack: Stack, customer: Callable[[str], Owner], owner: Owner, agent: Agent
) -> None:
    confirm = button(owner.say(BOOK), "确定")
    stack.kill("rasa")
    try:
        assert stack.health()[1]["failed"] == ["rasa"]
        failed = owner.press(confirm)
        assert_nothing_claimed(failed)
        assert owner.bookings() == []
        owner.press(button(failed, "转人工"))
        assert owner.conversation()["state"] == "queued"
        assert len(agent.queue(owner.id)) == 1

        asking = customer("owner-2")
        asking.say("转人工")
        assert asking.conversation()["state"] == "queued"

        burning = customer("owner-3")
        warned = burning.say("车着火了，冒烟")
        assert "119" in warned["messages"][0]["text"]
        assert agent.queue(burning.id)[0]["priority"] == "P0"
    finally:
        stack.restart("rasa")
    waiting = customer("owner-5")
    # The gateway pauses a few seconds before it trusts a bot again.
    wait_for(lambda: waiting.say("你好")["messages"][0]["sender"] == "bot", 15, "the bot")
    assert cards(waiting.say("周四下午两点去园区店做小保养"), "offer")


def test_a_late_answer_is_not_said_over_a_person(stack: Stack, owner: Owner, agent: Agent) -> None:
    owner.say("你好")
    before = owner.here()
    stack.signal("rasa", signal.SIGSTOP)
    try:
        speaking = in_background(lambda: owner.say(BOOK))
        being_asked(stack, owner)
        hand_over(stack, owner.id)
        handoff = agent.take(owner.id)
        agent.reply(handoff, "我是小李")
    finally:
        stack.signal("rasa", signal.SIGCONT)
    speaking.join(30)
    wait_for(lambda: all_answered(stack), LEASE, "the routed message")
    said = [line["sender"] for line in owner.history(before)]
    assert "bot" not in said
    assert said.count("agent") == 1
    assert owner.bookings() == []
    assert "闵行店" in "".join(m["text"] for m in agent.detail(handoff)["messages"])


def hand_over(stack: Stack, customer_id: str) -> None:
    """Give the word to the queue as a supervisor's or another channel's doing."""

    async def work() -> None:
        database = Database(stack.settings.database_url)
        try:
            async with database.write() as session:
                await handoffs.open_handoff(
                    session,
                    customer_id,
                    reason="requested",
                    priority="P2",
                    collected={},
                    message_id=stack.new_id()[-26:],
                )
        finally:
            await database.close()

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()


# ---- once, whatever is repeated ------------------------------------------------------------------


def test_a_button_pressed_twice_books_once(stack: Stack, owner: Owner) -> None:
    confirm = button(owner.say(BOOK), "确定")
    first, second = owner.press(confirm), owner.press(confirm)
    (booking,) = owner.bookings()
    assert booking["reference"] in heard(first)
    assert booking["reference"] in heard(second)
    assert stack.count("tick", booking_id=booking["id"]) == 8


def test_a_button_pressed_in_parallel_books_once(stack: Stack, owner: Owner) -> None:
    confirm = button(owner.say(BOOK), "确定")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: owner.press(confirm), range(6)))
    (booking,) = owner.bookings()
    for answer in answers:
        assert booking["reference"] in heard(answer), heard(answer)


def test_the_same_message_in_parallel_is_handled_once(stack: Stack, owner: Owner) -> None:
    message_id = stack.new_id()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: owner.say(BOOK, message_id=message_id), range(6)))
    assert len({tuple(ids(answer)) for answer in answers}) == 1
    assert ids(answers[0])
    assert stack.count("offer", customer_id=owner.id) == 1
    assert [line["sender"] for line in owner.history()].count("owner") == 1


def test_one_place_wanted_by_two_at_once_goes_to_one(
    stack: Stack, customer: Callable[[str], Owner]
) -> None:
    # 莘庄 has one technician who services.
    rivals = [customer("owner-1"), customer("owner-8")]
    confirms = [button(one.say("周四下午两点去莘庄店做小保养"), "确定") for one in rivals]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda pair: pair[0].press(pair[1]), zip(rivals, confirms, strict=True))
        )
    won = [bool(one.bookings("maintenance")) for one in rivals]
    assert sorted(won) == [False, True]
    for answer, has in zip(answers, won, strict=True):
        assert bool(cards(answer, "booking")) is has
    loser = answers[won.index(False)]
    assert any("周" in title for title in buttons(loser)), heard(loser)


def test_another_owners_message_id_is_ones_own(
    stack: Stack, owner: Owner, customer: Callable[[str], Owner]
) -> None:
    message_id = stack.new_id()
    other = customer("owner-4")
    first = owner.say("我有多少积分", message_id=message_id)
    second = other.say("我有多少积分", message_id=message_id)
    assert "2680" in heard(first)
    assert "5210" in heard(second)
    assert not set(ids(first)) & set(ids(second))


# ---- Rasa's own door -----------------------------------------------------------------------------


def turn(stack: Stack, token: str | None = None, **body: Any) -> requests.Response:
    """Ask Rasa's channel directly, as only the gateway may."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    address = f"{stack.settings.rasa_url}/webhooks/pitstop/turn"
    return requests.post(address, json=body, headers=headers, timeout=20)


def body_of(owner: Owner, message_id: str, text: str) -> dict[str, Any]:
    """Return a turn in an owner's conversation."""
    (row,) = owner.stack.rows("conversation", customer_id=owner.id)
    return {
        "conversation_id": row["id"],
        "epoch": row["epoch"],
        "message_id": message_id,
        "kind": "text",
        "text": text,
        "button_id": None,
    }


def test_a_turn_replayed_says_the_same_and_does_nothing_twice(stack: Stack, owner: Owner) -> None:
    owner.say("你好")
    token = stack.settings.rasa_token
    for number, text in enumerate([BOOK, "好的，就这么定"]):
        body = body_of(owner, f"direct-{number}-{owner.conversation_id[:8]}", text)
        first = turn(stack, token, **body)
        events = len(stack.tracker_rows(owner.conversation_id))
        second = turn(stack, token, **body)
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
        assert first.json()["replies"]
        assert len(stack.tracker_rows(owner.conversation_id)) == events
    assert stack.count("offer", customer_id=owner.id) == 1
    assert len(owner.bookings()) == 1


@pytest.mark.parametrize("token", [None, "", "wrong", "demo-actions-token"])
def test_rasa_answers_nobody_without_the_token(stack: Stack, owner: Owner, token: str) -> None:
    owner.say("你好")
    rows = len(stack.tracker_rows(owner.conversation_id))
    body = body_of(owner, "intruder", "转人工")
    assert turn(stack, token, **body).status_code == 401
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    base = f"{stack.settings.rasa_url}/webhooks/pitstop"
    assert requests.get(f"{base}/ready", headers=headers, timeout=10).status_code == 401
    forget = f"{base}/conversations/{owner.conversation_id}"
    assert requests.delete(forget, headers=headers, timeout=10).status_code == 401
    assert len(stack.tracker_rows(owner.conversation_id)) == rows
    assert owner.conversation()["state"] == "bot"


@pytest.mark.parametrize("token", [None, "", "wrong", "demo-rasa-token"])
def test_actions_answer_nobody_without_the_token(stack: Stack, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    base = stack.settings.actions_url
    call = {"next_action": "action_talk_to_human", "sender_id": "x:0", "tracker": {}}
    for answer in (
        requests.post(f"{base}/webhook", json=call, headers=headers, timeout=10),
        requests.get(f"{base}/health", headers=headers, timeout=10),
        requests.get(f"{base}/actions", headers=headers, timeout=10),
    ):
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/rest/webhook",
        "/webhooks/callback/webhook",
        "/conversations/x/messages",
        "/conversations/x/tracker/events",
        "/model/parse",
        "/model/train",
    ],
)
def test_rasas_other_doors_are_shut(stack: Stack, path: str) -> None:
    body = {"sender": "owner-1:0", "message": "转人工", "text": "转人工"}
    answer = requests.post(stack.settings.rasa_url + path, json=body, timeout=10)
    assert answer.status_code in {401, 403, 404, 405}


def test_a_sender_cannot_be_made_up(stack: Stack, owner: Owner) -> None:
    """What names the tracker is conversation and epoch, whatever else a body says."""
    owner.say("你好")
    body = body_of(owner, "spoof-1", "我有多少积分")
    extra = {"sender_id": "victim:0", "sender": "victim", "customer_id": "owner-4"}
    replies = turn(stack, stack.settings.rasa_token, **body, **extra).json()["replies"]
    assert "2680" in replies[0]["text"]
    assert stack.tracker_rows("victim") == []


def test_only_loopback_is_listened_on(stack: Stack) -> None:
    ports = {stack.settings.port, stack.settings.rasa_port, stack.settings.actions_port}
    heard_at: dict[int, set[str]] = {}
    for name in ("tcp", "tcp6"):
        for line in stack.sockets(name):
            address, port = line
            if port in ports:
                heard_at.setdefault(port, set()).add(address)
    assert set(heard_at) == ports
    assert {address for found in heard_at.values() for address in found} == {"0100007F"}
