"""What an owner says they do not want: "我不是要投诉" is no complaint."""

from __future__ import annotations

import re

# The words of an intent, as they stand behind a negation.
_WORDS = {
    "complain": "投诉|举报|吵架",
    "complaint_status": "投诉|催",
    "talk_to_human": "(?:转|接|找|叫)*(?:人工|真人|客服|活人)",
    "roadside_rescue": "(?:叫|派|安排)?(?:救援|拖车)|抛锚|事故",
    "cancel_booking": "取消|退订|撤销|撤单",
    "change_booking": "改期|改时间|改约",
    "book_maintenance": "(?:做|约|预约)*(?:保养|维修|修车|修)",
    "book_swap": "(?:去|约|预约)*(?:换电)(?!瓶|池|脑|视|机)",
    "book_test_drive": "(?:去|约|预约)*(?:试驾|试车)",
    "recall_query": "(?:问|查)*召回",
    "feedback": "(?:提)*(?:建议|意见)",
}
# 是不是要投诉, 要不要转人工, 怎么不给转人工 negate nothing; 没有人工吗 asks for one.
_NOT = (
    r"(?<!是)(?<!要)(?<!用)(?<!怎么)(?<!为啥)(?<!为什么)(?<!干嘛)"
    r"(?:不是|不用|不要|不需要|不想|没想|没要|没说|无需|用不着|先别|别)"
)
_FILL = r"(?:再|先|给我|帮我|替我|要|想|来|去|打算|说)*"
_PATTERNS = {
    intent: (re.compile(f"{_NOT}{_FILL}(?:{words})"), re.compile(words))
    for intent, words in _WORDS.items()
}


def negated(text: str) -> set[str]:
    """Return the intents that a text only names to say that they are not meant."""
    found = set()
    for intent, (denied, named) in _PATTERNS.items():
        if denied.search(text) and not named.search(denied.sub("", text)):
            found.add(intent)
    return found
