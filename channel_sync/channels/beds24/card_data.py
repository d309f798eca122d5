"""Card data is taken off whatever Beds24 sends before anything of it is kept, logged or traced.

A property's webhook setting `additionalData`, and bookings with a token of a payment service, bring it along. What is
dropped is found by the name of its field, and the number of a card by its digits in any text that is no identifier: a
guest may have written it into the comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REMOVED = "[card number removed]"
# Names without case and punctuation. `apiMessage` is the OTA's own message, which may hold all of it.
CARD_FIELDS = frozenset({
    "additionaldata", "apimessage", "card", "cardcode", "carddata", "carddetails", "cardexpiry", "cardholder",
    "cardholdername", "cardinfo", "cardname", "cardnumber", "cardno", "cardtoken", "cardtype", "ccnumber", "creditcard",
    "creditcarddata", "creditcardnumber", "cvc", "cvc2", "cvv", "cvv2", "expirydate", "expirymonth", "expiryyear",
    "pan", "paymenttoken", "pcibookingtoken", "securitycode", "stripetoken", "token",
})  # fmt: skip
# Long numbers of other kinds, which a card's check digit fits by chance.
NO_CARD_NUMBERS = frozenset({"apireference", "fax", "id", "mobile", "phone", "reference", "voucher"})
NOT_OF_A_NAME = re.compile("[^a-z0-9]")
# In one piece, or in groups of four, or of four, six and five: not two dates in a row.
CARD_NUMBER = re.compile(
    r"(?<![\w+-])(?<!\d )[2-6](?:\d{12,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{3}([ -])\d{6}\2\d{5})(?![\w-]| \d)",
    re.ASCII,
)


def without_card_data(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a webhook, or an item of a list, without card data at any depth."""
    return {name: _without(value, name) for name, value in payload.items() if _plain(name) not in CARD_FIELDS}


def _without(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return without_card_data(value)
    if isinstance(value, list):
        return [_without(item, name) for item in value]
    if isinstance(value, str) and _plain(name) not in NO_CARD_NUMBERS:
        return CARD_NUMBER.sub(_removed, value)
    return value


def _plain(name: str) -> str:
    return NOT_OF_A_NAME.sub("", name.lower())


def _removed(found: re.Match[str]) -> str:
    digits = [int(digit) for digit in found[0] if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    is_card = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
    return REMOVED if is_card else found[0]
