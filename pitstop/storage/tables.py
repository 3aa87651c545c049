"""The declarative base that every room's tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData
from sqlalchemy.orm import DeclarativeMeta, Mapped, registry

__all__ = ["Mapped", "Table", "column", "metadata"]

# Named constraints, so that a migration can drop them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_registry = registry(metadata=metadata)


class Table(metaclass=DeclarativeMeta):
    """A mapped class; its columns are keyword arguments of its constructor."""

    __abstract__ = True
    registry = _registry
    metadata = metadata

    def __init__(self, **values: Any) -> None:
        _registry.constructor(self, **values)


def column(*args: Any, **options: Any) -> Any:
    """Return a `Column`, typed so that a class can say ``name: Mapped[str] = column(String)``.

    SQLAlchemy 1.4's own mypy plugin does not understand today's mypy.
    """
    return Column(*args, **options)
