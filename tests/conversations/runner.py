"""Hold conversations that are written down in YAML: what owners say, and what they wish.

``python -m tests.conversations.runner URL [FILES…]`` holds them with the demo that runs at URL
(it is reset before each) and prints them; see README.md for the form.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import requests
import yaml

from tests.conversations.wishes import (
    OFFERED,
    State,
    Talk,
    Wish,
    bookings_wished,
    changes,
    facts,
    judge,
    misfits,
    moment,
    outcomes,
    plain,
    seeded,
    show,
    unmet,
)
from tests.stack.owner import Answer, Owner, buttons, cards

HERE = Path(__file__).parent
MOST = 12  # answers after the opening, and after each `settle`
ASKED_AGAIN = 3  # how often one thing is answered before the owner gives up
WAIT = 12.0  # seconds for a reply that comes later
LEAST = 0.95  # the share that has to be reached

# What the bot may be asking for, by the words of its last question: the first that fits.
ASKS: tuple[tuple[str, str], ...] = (
    ("rate", r"满意吗|打个?分|评价"),
    ("solved", r"解决了(吗|没)|有帮助吗"),
    ("topic", r"是不是想问|您想问"),
    ("failed", r"再试"),
    ("human", r"(需要|要不要|是否|帮您|要)(帮您)?转人工"),
    ("cancel", r"(确定|确认|真的|是否|要不要|要)[^，。还]{0,40}取消|取消[^。还]{0,40}吗"),
    ("which", r"哪一?[个条笔项](预约|单)|哪一?[条笔]|第几个|是哪一?个[？?]"),
    ("consent", r"同意|授权|允许|(提供|交|给)[^，。]{0,8}(司机|专员|师傅|技师)"),
    ("person", r"哪一?位|换一?位|(其他|别的)(师傅|技师)"),
    (
        "confirm",
        r"^(?!.*(哪|什么|几|何时|还是)).*"
        r"((确认|确定|就|要|帮您|为您).{0,24}[约改锁].{0,16}[吗？?]|可以吗|[行好]吗)",
    ),
    ("right", r"(是|指的是)[^，。]{0,30}吗|对吗|没错吧"),
    ("position", r"位置|定位"),
    ("address", r"地址|在哪[里儿]?(取|上门)|(取车|上门)[^，。]{0,6}(地点|哪)|停在哪"),
    ("direction", r"方向|哪一?边|北区还是|南区还是"),
    ("model", r"试驾?哪|车型|哪一?款"),
    ("car", r"哪一?[台辆部]|车牌|哪个车"),
    ("mode", r"还是(上门|到店|自己|取车|代客)|怎么(来|过来|送)|到店还是"),
    (
        "place",
        r"哪一?[家个]?(店|门店|服务中心|站|换电站|网点)|哪里|哪儿|去哪|门店|站点|换个?(店|站|地方)",
    ),
    ("time", r"几点|什么时[候间]|何时|哪一?天|时间|时段|日期|几号|改到|换到"),
    ("service", r"什么(服务|保养)|项目|做什么|[大小]保养还是|哪一?[些种个](服务|保养)"),
    ("phone", r"手机|电话|联系方式|号码"),
    ("happened", r"什么情况|发生了什么|怎么了|具体|描述"),
    ("more", r"还[有需要][^，。]{0,8}(什么|别的|其他|吗)"),
)
# The same by what stands on the buttons, where nothing is asked in words.
TITLES: tuple[tuple[str, str], ...] = (
    ("confirm", r"^(确认|就这|就约|好的|可以|预约这个)"),
    ("time", r"\d{1,2}:\d{2}"),
    ("car", r"[\u4e00-\u9fff][A-Z][A-Z0-9]{5,6}"),
    ("place", r"服务中心|服务站|体验店|交付中心|换电站"),
)
QUESTION = re.compile(
    r"[^。！!？?\n]*[？?]|[^。！!？?\n]*"
    r"(?:请您?(?:问|选|说|告诉|提供|发|输入|再说)|告诉我|选一|选个)[^。！!？?\n]*"
)
# With these the bot has finished; nobody has to answer.
ENDS = frozenset({"rate", "solved", "more", "human"})
# What every owner would say, unless the conversation says otherwise.
EVERYBODY: dict[str, Any] = {"consent": "同意", "decline": "不用了", "right": "对"}
# Which answer puts an offer right that is not what was wished.
PUTS_RIGHT = {
    "place": "place",
    "start": "time",
    "services": "service",
    "model": "model",
    "plate": "car",
    "mode": "mode",
    "technician": "person",
}
SPEAKERS = {"bot": "小驿", "owner": "车主", "agent": "坐席", "system": "系统"}


class Stage(Protocol):
    """A demo that conversations can be held with."""

    url: str

    def new_id(self) -> str: ...
    def set_clock(self, now: str) -> None: ...


class Demo:
    """A demo that somebody else has started."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._serial = 0

    def new_id(self) -> str:
        """Return a message id that nobody has used."""
        self._serial += 1
        return f"talk-{time.time_ns()}-{self._serial}"

    def set_clock(self, now: str) -> None:
        """Put the demo to a time, and wait until all its processes have taken it."""
        done = requests.post(f"{self.url}/api/demo/clock", json={"now": now}, timeout=10)
        assert done.status_code == 200, done.text
        time.sleep(1.0)


@dataclass
class Told:
    """How a conversation went. `verdict`: reached, not reached, wrong.

    `corrections`: how often the owner had to put an offer right.
    """

    id: str
    file: str
    verdict: str = "not reached"
    reasons: list[str] = field(default_factory=list)
    turns: int = 0
    corrections: int = 0
    lines: list[str] = field(default_factory=list)

    def transcript(self) -> str:
        """Return what was said, and why it was not what was wished."""
        head = f"== {self.id} ({self.file}): {self.verdict}"
        return "\n".join([head, *self.lines, *(f"!! {reason}" for reason in self.reasons)])


def load(paths: Iterable[Path] = ()) -> list[dict[str, Any]]:
    """Read conversations from files and folders, the repository's own by default."""
    given = list(paths) or [HERE / "bookings"]
    files = chain.from_iterable(sorted(p.glob("*.yml")) if p.is_dir() else [p] for p in given)
    return [
        {**talk, "file": path.name}
        for path in files
        for talk in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


# ---- listening -----------------------------------------------------------------------------------


def asked(answer: Answer) -> str | None:
    """Return what the bot asks for: a key of `ASKS`, "?" if it cannot be told, None: nothing."""
    if cards(answer, "offer"):
        return "confirm"
    said = "\n".join(m["text"] for m in answer["messages"] if m["sender"] == "bot")
    questions = QUESTION.findall(said)
    booked = bool(cards(answer, "booking"))
    if booked:
        # 不合适请直接说 beside a booking asks for nothing.
        questions = [question for question in questions if question[-1] in "？?"]
    for question in reversed(questions):
        for key, pattern in ASKS:
            if re.search(pattern, question):
                return key
    for key, pattern in () if booked else TITLES:
        if any(re.search(pattern, title) for title in buttons(answer)):
            return key
    return "?" if questions else None


# ---- talking -------------------------------------------------------------------------------------


class Talker:
    """One owner in one conversation; what they say goes into `told`."""

    def __init__(self, stage: Stage, talk: Talk, told: Told, ids: Mapping[str, str]) -> None:
        self.stage, self.talk, self.told, self.ids = stage, talk, told, ids
        self.owner = _owner(stage, talk["owner"])
        self.before = State.of(self.owner)
        self.last: Answer = {"messages": []}
        self.heard: list[str] = []
        self._used: dict[str, int] = {}

    def hold(self) -> None:
        """Say what is written, then answer what is asked."""
        for turn in self.talk["turns"]:
            if "settle" in turn:
                self._settle([turn["settle"]], turn.get("answers", {}))
                if self._open([turn["settle"]]):
                    self.told.reasons.append(f"not settled: {turn['settle']}")
                    return
            elif "at" in turn:
                set_clock(self.stage, turn["at"])
            elif not self._take(turn, must=True):
                return
        self._settle(bookings_wished(self.talk), {})

    def _open(self, wishes: Sequence[Wish]) -> list[Wish]:
        done = changes(self.before, State.of(self.owner))
        return unmet(wishes, [*done["new"], *done["changed"]], self.ids)[0]

    def _settle(self, wishes: Sequence[Wish], more: Mapping[str, Any]) -> None:
        answers = {**EVERYBODY, **self.talk.get("answers", {}), **more}
        self._used = {}
        for _ in range(MOST):
            key = asked(self.last)
            if key is None or key in ENDS:
                return
            reply = self._confirm(answers, wishes) if key == "confirm" else self._next(key, answers)
            if reply is None:
                self.told.reasons.append(f"asked for {key!r}, and the owner has nothing to say")
                return
            self._take(reply)
        self.told.reasons.append(f"still asked after {MOST} answers")

    def _confirm(self, answers: Mapping[str, Any], wishes: Sequence[Wish]) -> Any:
        """Say yes to what was wished; put right what was not, or say no."""
        still = self._open(wishes)
        if not still:
            return self._next("decline", answers)
        offers = cards(self.last, "offer")
        if not offers:
            return self._next("confirm", answers)
        wrong = min((misfits(facts(offers[-1]), wish, OFFERED) for wish in still), key=len)
        if not wrong:
            return self._next("confirm", answers)
        self.told.corrections += 1
        replies = (self._next(PUTS_RIGHT.get(name, ""), answers) for name in wrong)
        return next(filter(None, replies), None) or self._next("decline", answers)

    def _next(self, key: str, answers: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what the owner says to that; what they said last, if there is no more."""
        known = answers.get(key)
        if known is None:
            return None
        listed = known if isinstance(known, list) else [known]
        used = self._used.get(key, 0)
        if used >= max(ASKED_AGAIN, len(listed)):
            return None
        self._used[key] = used + 1
        reply = listed[min(used, len(listed) - 1)]
        return reply if isinstance(reply, Mapping) else {"say": reply}

    def _take(self, turn: Mapping[str, Any], *, must: bool = False) -> bool:
        """Do one thing; False if a button that must be there is not."""
        self.told.turns += 1
        titles = buttons(self.last) if "press" in turn else {}
        hit = next((title for title in titles if turn["press"] in title), None)
        if hit is not None:
            self.told.lines.append(f"车主: [{hit}]")
            self._hear(self.owner.press(titles[hit]))
            return True
        if "press" in turn and "say" not in turn and must:
            self.told.reasons.append(f"no button {turn['press']!r} among {list(titles)}")
            return False
        if "locate" in turn:
            self.told.lines.append(f"车主: 位置 {turn['locate']}")
            self._hear(self.owner.locate(*turn["locate"]))
            return True
        text = re.sub(r"\{ref ([\w-]+)\}", self._reference, turn.get("say") or turn["press"])
        self.told.lines.append(f"车主: {text}")
        self._hear(self.owner.say(text))
        return True

    def _reference(self, match: re.Match[str]) -> str:
        name = match[1]
        whose = _owner(self.stage, seeded().get(name, self.talk["owner"]))
        key = self.ids.get(name, name)
        return str(next(one["reference"] for one in whose.bookings() if one["id"] == key))

    def _hear(self, answer: Answer) -> None:
        if answer.get("pending"):
            answer = {"messages": [*answer["messages"], *self._later()]}
        for message in answer["messages"]:
            lines = [message["text"], *([show(message["card"])] if message["card"] else [])]
            self.heard += lines
            titles = [f"[{button['title']}]" for button in message["buttons"]]
            who = SPEAKERS.get(message["sender"], message["sender"])
            self.told.lines.append(f"{who}: {' '.join([*filter(None, lines), *titles])}")
        self.last = answer

    def _later(self) -> list[dict[str, Any]]:
        since = max((m["seq"] for m in self.owner.history() if m["sender"] == "owner"), default=0)
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            if lines := self.owner.history(since):
                return lines
            time.sleep(0.2)
        return []


def _owner(stage: Stage, customer_id: str) -> Owner:
    return Owner(stage, customer_id)  # type: ignore[arg-type]  # of a stack it needs no more


def set_clock(stage: Stage, text: str) -> None:
    """Put the demo to a local time as the files have it."""
    stage.set_clock(f"{moment(text).isoformat()}+08:00")


# ---- judging -------------------------------------------------------------------------------------


def hold(stage: Stage, talk: Talk) -> Told:
    """Hold a conversation with a demo that is put back to its beginning, and judge it."""
    told = Told(talk["id"], talk.get("file", ""))
    try:
        _hold(stage, talk, told)
    except (AssertionError, KeyError, StopIteration, requests.RequestException) as error:
        told.reasons.append(f"{type(error).__name__}: {error}")
    return told


def _hold(stage: Stage, talk: Talk, told: Told) -> None:
    set_clock(stage, talk["now"])
    done = requests.post(f"{stage.url}/api/demo/reset", timeout=60)
    assert done.status_code == 200, done.text
    ids: dict[str, str] = {}
    for earlier in talk.get("before", ()):
        ids[earlier["as"]] = _earlier(stage, earlier, told, ids)
    neighbours = {who: _owner(stage, who) for who in _others(talk)}
    theirs = {who: State.of(owner) for who, owner in neighbours.items()}
    talker = Talker(stage, talk, told, ids)
    talker.hold()
    after = State.of(talker.owner)
    found = [judge(want, talker.before, after, ids) for want in outcomes(talk)]
    missing, extra = min(found, key=lambda one: (len(one[1]), len(one[0])))
    touched = {key for rows in changes(talker.before, after).values() for key, _ in rows}
    for who, owner in neighbours.items():
        rows = chain.from_iterable(changes(theirs[who], State.of(owner)).values())
        extra += [f"of {who}: {plain(fact)}" for key, fact in rows if key not in touched]
    said = "\n".join(talker.heard)
    extra += [f"said {word!r}" for word in talk.get("unheard", ()) if re.search(word, said)]
    missing += [f"unsaid {word!r}" for word in talk.get("heard", ()) if not re.search(word, said)]
    told.reasons += [*missing, *extra]
    told.verdict = "wrong" if extra else "not reached" if missing else "reached"


def _earlier(stage: Stage, talk: Talk, told: Told, ids: Mapping[str, str]) -> str:
    """Hold what was said before and return the booking it must come to."""
    first = Told(talk["as"], "before")
    talker = Talker(stage, talk, first, ids)
    talker.hold()
    after = State.of(talker.owner)
    missing, extra = judge(talk["want"], talker.before, after, ids)
    told.lines += [*first.lines, "--"]
    assert not missing and not extra, f"before: {first.reasons} {missing} {extra}"
    return changes(talker.before, after)["new"][0][0]


def _others(talk: Talk) -> set[str]:
    """Return whose bookings nobody may touch: everybody's who has one, but the owner's."""
    earlier = {one["owner"] for one in talk.get("before", ())}
    return ({*seeded().values()} | earlier) - {talk["owner"]}


def hold_all(
    stage: Stage, talks: Iterable[Talk], each: Callable[[Told], None] = lambda told: None
) -> list[Told]:
    """Hold conversations one after the other."""
    done = []
    for talk in talks:
        done.append(hold(stage, talk))
        each(done[-1])
    return done


def summary(told: Sequence[Told]) -> dict[str, Any]:
    """Return the figures: how many were reached, not reached, wrong."""
    verdicts = ("reached", "not reached", "wrong")
    counts = {name: sum(one.verdict == name for one in told) for name in verdicts}
    return {
        **counts,
        "share": round(counts["reached"] / max(1, len(told)), 4),
        "turns": sum(one.turns for one in told),
        "corrections": sum(one.corrections for one in told),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold conversations with a running demo; 1 if one went wrong or too few were reached."""
    parser = argparse.ArgumentParser(description="Hold conversations with a running demo.")
    parser.add_argument("url")
    parser.add_argument("files", nargs="*", type=Path, help="files or folders; default: bookings/")
    parser.add_argument("--only", nargs="+", default=(), metavar="ID")
    parser.add_argument("--failures", action="store_true", help="print only what was not reached")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a report")
    given = parser.parse_args(arguments)
    talks = [talk for talk in load(given.files) if not given.only or talk["id"] in given.only]

    def tell(told: Told) -> None:
        if told.verdict != "reached" or not given.failures:
            print(told.transcript(), end="\n\n", flush=True)

    told = hold_all(Demo(given.url), talks, tell)
    figures = summary(told)
    print(" · ".join(f"{name}: {value}" for name, value in figures.items()))
    if given.json is not None:
        report = {**figures, "conversations": [asdict(one) for one in told]}
        given.json.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if figures["share"] >= LEAST and not figures["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
