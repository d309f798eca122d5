"""Column defaults and indexes that Django does not spell the way these tables have them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.functions import RandomUUID
from django.db import models


class CurrentTimestamp(models.Func):
    """`CURRENT_TIMESTAMP`, the start of the transaction, as a database default."""

    template = "CURRENT_TIMESTAMP"
    output_field: ClassVar[models.DateTimeField[Any, Any]] = models.DateTimeField()


class ClockTimestamp(models.Func):
    """`clock_timestamp()`, the time of this moment, as a database default."""

    template = "clock_timestamp()"
    output_field: ClassVar[models.DateTimeField[Any, Any]] = models.DateTimeField()


class NamedIndex(models.Index):
    """An index that may use all of PostgreSQL's 63 characters for its name (Django's portable limit is 30)."""

    max_name_length = 63


def uuid_primary_key() -> models.UUIDField[Any, Any]:
    """`UUID PRIMARY KEY DEFAULT gen_random_uuid()`."""
    return models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)


def created_at_column() -> models.DateTimeField[Any, Any]:
    """`TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP`."""
    return models.DateTimeField(null=True, db_default=CurrentTimestamp(), editable=False)


def noted_at_column() -> models.DateTimeField[Any, Any]:
    """`TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp()`: rows of one transaction have an order by it."""
    return models.DateTimeField(null=True, db_default=ClockTimestamp(), editable=False)


def updated_at_column() -> models.DateTimeField[Any, Any]:
    """`TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP`, set at every save."""
    return models.DateTimeField(null=True, auto_now=True, db_default=CurrentTimestamp(), editable=False)
