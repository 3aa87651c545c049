"""What the lens is learnt from: questions of many trades, each asked in several ways.

They teach how owners word things, not what our articles say, so that the thresholds fitted on
our own similar questions stay honest. Two of the trades lie near: petrol cars' service, and a
charging app.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent / "paraphrases"


@lru_cache(maxsize=1)
def groups() -> tuple[tuple[str, ...], ...]:
    """Return the groups of sentences that mean the same; each has two or more."""
    found: list[tuple[str, ...]] = []
    for path in sorted(FOLDER.glob("*.yml")):
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        for domain in document["domains"]:
            for topic in domain["topics"]:
                same = tuple(dict.fromkeys(str(text) for text in topic))
                if len(same) < 2:
                    raise ValueError(f"{path.name} {domain['name']}: a topic with one sentence")
                found.append(same)
    return tuple(found)


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return what changes when the groups may; reads the files, and understands nothing."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.yml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
