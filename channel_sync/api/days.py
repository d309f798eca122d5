"""Days that callers name: those of a calendar that somebody keeps."""

from __future__ import annotations

from datetime import date
from typing import Any

from rest_framework import serializers

# Days are counted on from these; a `date` ends with 9999-12-31.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
BEYOND = f"A day from {FIRST_DAY} to {LAST_DAY} is needed."


class DayField(serializers.DateField):
    """A date that others can be counted on from."""

    def to_internal_value(self, value: Any) -> date:
        """Refuse what is beyond all calendars."""
        day: date = super().to_internal_value(value)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise serializers.ValidationError(BEYOND)
        return day
