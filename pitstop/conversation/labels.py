"""The words that pages show around messages: read from YAML, handed to the page as JSON."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
STATIC = HERE / "static"


def read_labels(page: Path) -> dict[str, Any]:
    """Return a page's own labels together with those of messages and cards.

    Raises `ValueError` where the page names a group that messages already have.
    """
    labels: dict[str, Any] = yaml.safe_load((HERE / "labels.yml").read_text("utf-8"))
    own: dict[str, Any] = yaml.safe_load(page.read_text("utf-8"))
    twice = labels.keys() & own.keys()
    if twice:
        raise ValueError(f"{page}: {', '.join(sorted(twice))} is taken by conversation/labels.yml")
    return {**labels, **own}


def version_of(*folders: Path) -> str:
    """Return a short hash of the files in `folders`.

    It is part of every static address, so that no browser mixes the modules of two releases.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
