"""What a host can report of a booking to the OTA that sold it, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Report(StrEnum):
    """A report to an OTA; none can be taken back."""

    NO_SHOW = "no_show"
    INVALID_CARD = "invalid_card"
    CANCELLATION = "cancellation"


@dataclass(frozen=True)
class ReportOffer:
    """A report that an OTA takes of a booking, on days at the property.

    No first day means that it is taken already, no last day that there is no deadline. `effect` says, in a sentence or
    two, what the OTA makes of it.
    """

    report: Report
    effect: str
    first_day: date | None = None
    last_day: date | None = None

    def is_open(self, today: date) -> bool:
        """Whether it can be sent on a day."""
        return (self.first_day is None or self.first_day <= today) and not self.is_over(today)

    def is_over(self, today: date) -> bool:
        """Whether its deadline has passed."""
        return self.last_day is not None and self.last_day < today


@dataclass(frozen=True)
class Reportable:
    """What can be reported of a booking; where it is nothing, `instead` says why, and what to do."""

    offers: tuple[ReportOffer, ...] = ()
    instead: str = ""
