"""The articles and background sentences that ship with the product, strictly read."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from knowledge_base.content import Content, ContentError, messages, problem, read_content

ROOM = Path(__file__).parent
ARTICLES = ROOM / "articles"
BACKGROUND = ROOM / "background.yml"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FIELDS = {"id", "question", "similar", "answer", "tags", "next"}
_NEEDED = ("id", "question", "similar", "answer", "tags", "next")


class ShippedError(ValueError):
    """A shipped file breaks the rules; the message names file, line and field."""


def read_articles(folder: Path = ARTICLES) -> list[Content]:
    """Return the articles of every YAML file in `folder`; raises `ShippedError` for the first
    that is not right. No two articles may share an id or a way to ask."""
    found: list[Content] = []
    ids: dict[str, str] = {}
    asked: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        document = _load(path)
        if not isinstance(document, CommentedMap) or set(document) != {"category", "articles"}:
            raise _error(path, 1, problem("structure"))
        rows = document["articles"]
        if not isinstance(rows, CommentedSeq):
            raise _error(path, 1, problem("structure"))
        for index, row in enumerate(rows):
            line = rows.lc.item(index)[0] + 1
            content = _article(path, line, document["category"], row)
            where = f"{path.name} {content.id}"
            if content.id in ids:
                text = problem("duplicate_id", value=content.id, where=ids[content.id])
                raise _error(path, line, text)
            ids[content.id] = where
            for question in content.questions():
                if question in asked:
                    text = problem("duplicate_question", value=question, where=asked[question])
                    raise _error(path, line, text)
                asked[question] = where
            found.append(content)
    return found


@lru_cache(maxsize=1)
def background() -> tuple[str, ...]:
    """Return the unrelated sentences against which "is this ours at all" is learnt."""
    # The C loader: a tenth of the time, and no line is ever named.
    document = YAML(typ="safe").load(BACKGROUND.read_text(encoding="utf-8"))
    return tuple(dict.fromkeys(str(text) for text in document["sentences"]))


def _load(path: Path) -> Any:
    try:
        # The round-trip loader keeps line numbers.
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _error(path, line, problem("yaml", reason=error.problem)) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise _error(path, 1, problem("yaml", reason=error)) from error


def _article(path: Path, line: int, category: Any, row: Any) -> Content:
    if not isinstance(row, CommentedMap):
        raise _error(path, line, problem("structure"))
    for field in row:
        if field not in _FIELDS:
            raise _error(path, row.lc.key(field)[0] + 1, problem("unknown_field", field=field))
    for field in _NEEDED:
        if field not in row:
            raise _error(path, line, problem("missing", field=field))
    plain = {key: value for key, value in row.items() if key != "similar"}
    plain["answer"] = str(plain["answer"]).strip()
    try:
        content = read_content({**plain, "category": category, "similar_questions": row["similar"]})
    except ContentError as error:
        raise _error(path, line, f"{row.get('id')}: {error}") from error
    if not _SLUG.fullmatch(content.id):
        raise _error(path, line, problem("slug", value=content.id))
    return content


def _error(path: Path, line: int, text: str) -> ShippedError:
    return ShippedError(f"{path.name} {messages()['place'].format(line=line)}: {text}")
