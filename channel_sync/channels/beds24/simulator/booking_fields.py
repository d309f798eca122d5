"""The fields of a booking: what each starts with, and what a POST may write to it."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from typing import Any

from channel_sync.channels.beds24.simulator.booking_actions import unknown_actions
from channel_sync.channels.beds24.simulator.state import Json

STATUSES = ("confirmed", "request", "new", "cancelled", "black", "inquiry")
CUSTOM = tuple(f"custom{number}" for number in range(1, 11))
# The longest text of each field.
TEXTS = {
    **dict.fromkeys(
        (
            "title", "firstName", "lastName", "email", "phone", "mobile", "fax", "company", "city", "state",
            "postcode", "country", "arrivalTime", "voucher",
        ),
        100,
    ),
    "address": 250,
    **dict.fromkeys(("comments", "message", "rateDescription", *CUSTOM), 1000),
    "notes": 2000,
    "groupNote": 5000,
    "country2": 300,
    "flagColor": 6,
    "flagText": 32,
    "lang": 2,
    **dict.fromkeys(("refererEditable", "apiMessage", "stripeToken", "pcibookingToken"), 10_000),
}  # fmt: skip
INTEGERS = {
    "masterId": (1, 10**12),
    "unitId": (0, 99),
    "roomQty": (1, 10**6),
    "numAdult": (0, 99),
    "numChild": (0, 99),
    "invoiceeId": (1, 10**12),
}
# What says who the guest is, or may say so.
PERSONAL = (
    "title", "firstName", "lastName", "email", "phone", "mobile", "fax", "company", "address", "city", "state",
    "postcode", "country", "country2", "arrivalTime", "comments", "notes", "message", "groupNote",
)  # fmt: skip
AMOUNTS = ("price", "deposit", "tax", "commission")
FINANCIAL = (*AMOUNTS, "rateDescription", "stripeToken", "pcibookingToken")
MOST = 99_999_999.99
MAY_BE_NULL = {"masterId", "country2", "groupNote", "invoiceeId", "stripeToken", "pcibookingToken"}
WRITABLE = {"roomId", "status", "arrival", "departure", *TEXTS, *INTEGERS, *AMOUNTS}
# Taken beside them, each with rules of its own.
TAKEN = WRITABLE | {"id", "infoItems", "invoiceItems", "actions"}
PATTERNS = {"flagColor": re.compile(r"([0-9A-Fa-f]{6})?"), "lang": re.compile(r".{2}")}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

BLANK: Json = {
    "id": 0, "masterId": None, "propertyId": 0, "roomId": 0, "unitId": 0, "roomQty": 1, "offerId": 0,
    "status": "confirmed", "subStatus": "none", "arrival": "", "departure": "", "numAdult": 1, "numChild": 0,
    "title": "", "firstName": "", "lastName": "", "email": "", "phone": "", "mobile": "", "fax": "", "company": "",
    "address": "", "city": "", "state": "", "postcode": "", "country": "", "country2": None, "arrivalTime": "",
    "voucher": "", "comments": "", "notes": "", "message": "", "groupNote": "", **dict.fromkeys(CUSTOM, ""),
    "flagColor": "", "flagText": "", "statusCode": 0, "lang": "", "referer": "API", "refererEditable": "",
    "reference": "", "channel": "direct", "apiSourceId": 0, "apiSource": "Direct", "apiReference": "",
    "allowChannelUpdate": "all", "allowAutoAction": "enable", "allowReview": "default",
    "allowCancellation": {"type": "propertyDefault"}, "invoiceeId": None, "bookingTime": "", "modifiedTime": "",
    "cancelTime": None, "price": 0, "deposit": 0, "tax": 0, "commission": 0, "rateDescription": "",
    "stripeToken": None, "pcibookingToken": None, "apiMessage": "",
}  # fmt: skip


def refusal_of(changes: Json) -> tuple[str, str] | None:
    """The first field that cannot be written, and why."""
    for name, value in changes.items():
        if value is None and name in MAY_BE_NULL:
            continue
        if name in TEXTS and (not isinstance(value, str) or len(value) > TEXTS[name]):
            return name, f"has to be a text of at most {TEXTS[name]} characters"
        if name in INTEGERS and not _is_within(value, int, *INTEGERS[name]):
            return name, "has to be from {} to {}".format(*INTEGERS[name])
        if name in AMOUNTS and not _is_within(value, int | float, 0, MOST):
            return name, f"has to be from 0 to {MOST}"
        if name in PATTERNS and not PATTERNS[name].fullmatch(value):
            return name, "invalid"
        if name == "email" and value and not EMAIL.fullmatch(value):
            return name, "is no email address"
    return None


def is_day(value: Any) -> bool:
    """Whether a value is a date the way Beds24 takes it."""
    try:
        return isinstance(value, str) and DAY.fullmatch(value) is not None and bool(date.fromisoformat(value))
    except ValueError:
        return False


def warnings_about(item: Json, action: str, forbidden: Collection[str]) -> list[Json]:
    """What of an item is dropped, and said to be: fields that are unknown or forbidden, and an empty email address."""
    dropped = [(name, "unknown field") for name in item if name not in TAKEN]
    dropped += [(name, "unknown action") for name in unknown_actions(item)]
    dropped += [(name, "missing scope") for name in item if name in TAKEN and name in forbidden]
    if item.get("email") == "":
        dropped.append(("email", "invalid"))
    return [{"action": action, "field": name, "message": message} for name, message in dropped]


def _is_within(value: Any, kind: Any, least: float, most: float) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most
