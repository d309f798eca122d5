"""What the front desk may enter, the same by the API, the admin and the services.

Bookings of channels do not come by here: the guest has booked, whatever the desk's limits are. Of a change only what
changes is looked at, so that such a booking can be worked with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.utils import timezone

from pms_project.pms.models import Guest, HotelSettings, Reservation
from pms_project.pms.services.errors import NotWithinLimits

# A guest who came after midnight is entered the next morning.
LATE_ENTRY = timedelta(days=1)
YEARS_AHEAD = 3
AHEAD = timedelta(days=366 * YEARS_AHEAD)
# Rates and rooms out of order may be put in order afterwards.
BACK = timedelta(days=366)
MAX_NIGHTS = 1000
MAX_UNITS = 1000
MAX_PEOPLE = 1000
MAX_NOTES = 10_000

LOWEST_AND_HIGHEST = {"units": (1, MAX_UNITS), "adults": (1, MAX_PEOPLE), "children": (0, MAX_PEOPLE)}


@dataclass(frozen=True)
class Entered:
    """A reservation as the desk wants it, and the names of the fields that it changes."""

    values: Mapping[str, Any]
    changed: frozenset[str]


def today_at(hotel: HotelSettings) -> date:
    """The date at the hotel."""
    return timezone.localdate(timezone=ZoneInfo(hotel.time_zone))


def require_reservation(entered: Entered, hotel: HotelSettings) -> None:
    """Raise `NotWithinLimits`, with the field and its limit, for the first changed field that is beyond it."""
    _require_stay(entered, today_at(hotel))
    for name in entered.changed & LOWEST_AND_HIGHEST.keys():
        _require_between(name, entered.values[name], *LOWEST_AND_HIGHEST[name])
    if "price" in entered.changed and entered.values["price"] is not None:
        require_price(entered.values["price"], Reservation)
    if "notes" in entered.changed:
        _require_length("notes", "Notes", entered.values["notes"], MAX_NOTES)
    if "guest" in entered.changed:
        _require_guest(entered.values["guest"] or {})


def require_price(price: Decimal | int, model: type[Model]) -> None:
    """Raise `NotWithinLimits` for a price below zero, or one that the column `price` of a model does not hold."""
    column: Any = model._meta.get_field("price")
    before_the_point = column.max_digits - column.decimal_places
    price = Decimal(price)
    if not price.is_finite():
        raise NotWithinLimits("price", "The price is not a number.")
    if price < 0:
        raise NotWithinLimits("price", "The price cannot be below 0.")
    if price >= Decimal(10) ** before_the_point:
        raise NotWithinLimits("price", f"The price has at most {before_the_point} digits before the point.")
    if price != round(price, column.decimal_places):
        raise NotWithinLimits("price", f"The price has at most {column.decimal_places} digits after the point.")


def require_nights(start: date, end: date, today: date) -> None:
    """Raise `NotWithinLimits` for a range of nights that is empty, too long, or too far from today."""
    nights = (end - start).days
    if not 1 <= nights <= MAX_NIGHTS:
        raise NotWithinLimits("end", f"The range has to have 1 to {MAX_NIGHTS:,} nights; it has {nights:,}.")
    if start < today - BACK:
        raise NotWithinLimits("start", f"The range cannot begin before {today - BACK}.")
    if end > today + AHEAD:
        raise NotWithinLimits("end", f"The range cannot end after {today + AHEAD}, {YEARS_AHEAD} years ahead.")


def require_stay_lengths(min_stay: int, max_stay: int) -> None:
    """Raise `NotWithinLimits` for a minimum stay that is longer than the maximum."""
    _require_between("min_stay", min_stay, 1, MAX_NIGHTS)
    _require_between("max_stay", max_stay, 1, MAX_NIGHTS)
    if max_stay < min_stay:
        raise NotWithinLimits("max_stay", f"The maximum stay is at least the minimum stay, {min_stay} nights.")


def _require_stay(entered: Entered, today: date) -> None:
    if not entered.changed & {"check_in", "check_out"}:
        return
    check_in, check_out = entered.values["check_in"], entered.values["check_out"]
    if "check_in" in entered.changed and check_in < today - LATE_ENTRY:
        raise NotWithinLimits("check_in", f"A reservation cannot begin before {today - LATE_ENTRY}.")
    if "check_in" in entered.changed and check_in > today + AHEAD:
        raise NotWithinLimits(
            "check_in", f"A reservation cannot begin after {today + AHEAD}, {YEARS_AHEAD} years ahead."
        )
    if check_out <= check_in:
        raise NotWithinLimits("check_out", "The check-out has to be after the check-in.")
    if (check_out - check_in).days > MAX_NIGHTS:
        raise NotWithinLimits("check_out", f"A stay has at most {MAX_NIGHTS:,} nights.")


def _require_between(field: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise NotWithinLimits(field, f"'{field}' is {lowest:,} to {highest:,}; it is {value:,}.")


def _require_guest(guest: Mapping[str, str]) -> None:
    for name, value in guest.items():
        column: Any = Guest._meta.get_field(name)
        _require_length("guest", f"The guest's {name.replace('_', ' ')}", value, column.max_length)


def _require_length(field: str, what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise NotWithinLimits(field, f"{what} may have at most {longest} characters; there are {len(text)}.")
