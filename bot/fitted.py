"""What was fitted and is in use: the model's limits, the knowledge base's newest release."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
from rasa.engine.storage.local_model_storage import LocalModelStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.components.classifier import WishClassifier
from bot.components.limits import Limits
from bot.tables import Table, figure
from knowledge_base import releases
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database


@dataclass(frozen=True)
class ReleaseFacts:
    """A release: its number, its size, its thresholds and how its left-out questions fared."""

    version: int
    articles: int
    questions: int
    thresholds: dict[str, Any]

    def table(self, origin: str) -> Table:
        """Return the release's figures; `origin` says whose release it is."""
        rows = [
            ("articles", str(self.articles)),
            ("questions", str(self.questions)),
            ("answered straight from", figure(self.thresholds["answer"])),
            ("a menu is shown from", figure(self.thresholds["clarify"])),
        ]
        for name, value in dict(self.thresholds["figures"]).items():
            shown = str(value) if isinstance(value, int) else figure(float(value))
            rows.append((name.replace("_", " "), shown))
        head = ("", f"release {self.version} {origin}")
        return Table("knowledge", "The knowledge base in use", head, tuple(rows))


def limits_of(model: Path) -> Limits | None:
    """Return the limits stored with a trained model, None if it holds none.

    Raises what reading the archive raises.
    """
    with tempfile.TemporaryDirectory(prefix="pitstop-model-") as folder:
        storage, metadata = LocalModelStorage.from_model_archive(Path(folder), model)
        for node in metadata.predict_schema.nodes.values():
            if node.uses is not WishClassifier or node.resource is None:
                continue
            with storage.read_from(node.resource) as kept:
                for path in sorted(kept.glob("*.joblib")):
                    stored = joblib.load(path)
                    parts = stored if isinstance(stored, tuple) else ()
                    return next((each for each in parts if isinstance(each, Limits)), None)
    return None


async def release_of(url: str, encoder: Encoder) -> ReleaseFacts | None:
    """Return the newest release in a database, None if there is none that can be searched with
    `encoder` (or no such database: none is made)."""
    if not _there(url):
        return None
    database = Database(url)
    try:
        async with database.read() as session:
            now = await releases.state(session)
            newest = await releases.latest(session)
    except (SQLAlchemyError, OSError):
        return None
    finally:
        await database.close()
    if now is None or newest is None or not now.serves(encoder):
        return None
    return ReleaseFacts(
        newest.version, newest.article_count, newest.question_count, dict(newest.thresholds)
    )


def _there(url: str) -> bool:
    """Tell whether connecting would make no new SQLite file."""
    parsed = make_url(url)
    return not parsed.drivername.startswith("sqlite") or Path(parsed.database or "").is_file()
