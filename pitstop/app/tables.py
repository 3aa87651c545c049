"""Every room's tables, imported in one place so that the metadata knows them all."""

from __future__ import annotations

from sqlalchemy import MetaData

import knowledge_base.tables  # noqa: F401
import pitstop.care.service_tables
import pitstop.care.tables
import pitstop.conversation.tables
import pitstop.storage.demo_clock
import pitstop.storage.events
import pitstop.storage.lease
import pitstop.storage.tickets  # noqa: F401
from pitstop.storage.tables import metadata


def all_tables() -> MetaData:
    """Return the metadata with every table in it."""
    return metadata
