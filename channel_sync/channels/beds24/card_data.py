"""Card data is taken off whatever Beds24 sends before anything of it is kept, logged or traced.

A property's webhook setting `additionalData`, and bookings with a token of a payment service, bring it along. What is
dropped is found by the name of its field, and the number of a card by its digits wherever it stands that is no
identifier: a guest may have written it into the comments, with expiry and code behind it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

REMOVED = "[card data removed]"
# Names without case and punctuation. `apiMessage` is the OTA's own message, which may hold all of it.
CARD_FIELD = re.compile(
    r"additionaldata|apimessage|card|cvc|cvv|securitycode|expir|^exp(date|month|year)?$|token|^pan$"
    r"|^cc(num|no$|exp|code|type|name|holder)"
)
# Long numbers of other kinds, which a card's check digit fits by chance.
NO_CARD_NUMBERS = frozenset({"apireference", "fax", "id", "mobile", "phone", "reference", "voucher"})
NOT_OF_A_NAME = re.compile("[^a-z0-9]")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# Digits in one piece, or in groups with one or two signs between them; then perhaps expiry and code.
NUMBER = re.compile(r"(?<!\d)(\d(?:[\s._-]{0,2}\d){12,18})(?!\d)")
BEHIND = re.compile(
    r"\W{0,6}(?:exp\w*\W{0,3})?\d{1,2}\s?[/.-]\s?\d{2,4}(?:\W{0,6}(?:cv[cv]2?\W{0,3})?\d{3,4}\b)?|[\s-]{1,2}\d{3,4}\b",
    re.IGNORECASE,
)
# Without three digits there is neither a number nor a code, and most texts have none.
DIGITS = re.compile(r"\d.*\d.*\d", re.DOTALL)
SHORTEST_CODE, SHORTEST_CARD = len("cvc 123"), 10**12
CODE = re.compile(r"\b(?:cvc|cvv|cid)2?\b\W{0,8}\d{3,4}\b", re.IGNORECASE)
# What the numbers of cards begin with, by their length: Visa, Mastercard, American Express, Diners, JCB, Discover.
SCHEMES = {
    13: ("4",),
    14: ("30", "36", "38", "39"),
    15: ("34", "37"),
    16: ("4", *map(str, range(51, 56)), *map(str, range(222, 273)), "35", "36", "6"),
    17: ("6",),
    18: ("6",),
    19: ("4", "6"),
}


def without_card_data(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a webhook, or an item of a list, without card data at any depth."""
    is_about_a_card = "code" in payload and _is_of_a_card(str(payload["code"]))
    return {
        _scrubbed(name): REMOVED if is_about_a_card and name == "text" else _without(value, name)
        for name, value in payload.items()
        if not _is_of_a_card(name)
    }


def _without(value: Any, name: str) -> Any:
    # Text first: most of a booking is text, and a listing has hundreds of them.
    if isinstance(value, str):
        return value if _is_an_identifier(name) else _scrubbed(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_without(item, name) for item in value]
    if isinstance(value, Mapping):
        return without_card_data(value)
    if _is_an_identifier(name):
        return value
    return value if abs(value) < SHORTEST_CARD else REMOVED if _is_card(f"{value:.0f}") else value


# The same few names come with every booking.
@lru_cache(maxsize=2048)
def _is_of_a_card(name: str) -> bool:
    return CARD_FIELD.search(NOT_OF_A_NAME.sub("", name.lower())) is not None


@lru_cache(maxsize=2048)
def _is_an_identifier(name: str) -> bool:
    return NOT_OF_A_NAME.sub("", name.lower()) in NO_CARD_NUMBERS


def _scrubbed(text: str) -> str:
    """A text without numbers and codes of cards. Keys, such as ours in an info item, are none."""
    if len(text) < SHORTEST_CODE or not DIGITS.search(text):
        return text
    pieces, at = [], 0
    for key in UUID.finditer(text):
        pieces += [_scrubbed_piece(text[at : key.start()]), key[0]]
        at = key.end()
    return "".join([*pieces, _scrubbed_piece(text[at:])])


def _scrubbed_piece(text: str) -> str:
    kept, at = [], 0
    for found in NUMBER.finditer(text):
        card = _card_in(found[1])
        if card is None:
            continue
        start = found.start(1) + card[0]
        end = found.start(1) + card[1]
        behind = BEHIND.match(text, end)
        kept += [text[at:start], REMOVED]
        at = behind.end() if behind else end
    return CODE.sub(REMOVED, "".join([*kept, text[max(at, 0) :]]))


def _card_in(text: str) -> tuple[int, int] | None:
    """Where in a run of digits the number of a card stands: the whole of it, or the groups at its end or beginning."""
    starts = [0, *(gap.end() for gap in re.finditer(r"\D+", text))]
    ends = [len(text), *(gap.start() for gap in reversed(list(re.finditer(r"\D+", text))))]
    for start in starts:
        for end in ends:
            if start < end and _is_card(re.sub(r"\D", "", text[start:end])):
                return start, end
    return None


def _is_card(digits: str) -> bool:
    if not digits.isdecimal() or not digits.startswith(SCHEMES.get(len(digits), ())):
        return False
    numbers = [int(digit) for digit in digits]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
