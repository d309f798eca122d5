"""Card data is taken off whatever comes in; nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channel_sync.channels.beds24.card_data import REMOVED, without_card_data
from channel_sync.channels.beds24.webhook import listed_booking, parse_webhook
from tests.beds24_webhooks import booking, envelope, webhook

VISA, MASTERCARD, AMEX = "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"
TOKENS = {
    "stripeToken": "tok_1Nv0FGQ9RKHgCVdK",
    "pcibookingToken": "https://service.pcibooking.net/api/payments/paycard/9f1",
    "additionalData": {"cardNumber": VISA, "cvc": "737", "expiry": "12/29"},
    "apiMessage": f"<card>{VISA}</card>",
}


@pytest.mark.parametrize(
    "parsed",
    [
        lambda: parse_webhook(webhook(**TOKENS)),
        lambda: parse_webhook({**webhook(), **TOKENS}),
        lambda: parse_webhook(envelope("booking.created", **TOKENS)),
        lambda: parse_webhook({**envelope("booking.created"), "card": {"number": VISA}}),
        lambda: listed_booking(booking(**TOKENS, infoItems=[{"code": "CC", "text": VISA}])),
    ],
)
def test_no_form_of_a_booking_keeps_it(parsed: Any) -> None:
    kept = json.dumps(parsed().payload)

    for secret in ("tok_1Nv", "pcibooking", "737", "4111", "12/29", "apiMessage"):
        assert secret not in kept


@pytest.mark.parametrize(
    "number",
    [
        VISA, MASTERCARD, AMEX, "4111111111111111", "6011111111111117", "4111.1111.1111.1111", "4111  1111  1111  1111",
        "4111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111", "3056 9309 0259 04",
        f"{VISA} 12/27 123", "4111111111111111 12/27 123", "4111111111111111-123",
        "5555555555554444 exp 03/2029 cvc 321",
    ],
)  # fmt: skip
def test_the_number_of_a_card_goes_out_of_any_text(number: str) -> None:
    found = without_card_data({"messages": [{"message": f"my card: {number}, thanks"}], "comments": number})

    assert found == {"messages": [{"message": f"my card: {REMOVED}, thanks"}], "comments": REMOVED}


@pytest.mark.parametrize(
    "body",
    [
        {"comments": "tel 2 4111111111111111"},
        {"comments": "cc4111111111111111"},
        {"comments": "visa4111111111111111exp1229"},
        {"comments": f"{MASTERCARD} 2 rooms"},
        {"comments": 4111111111111111},
        {"comments": 4111111111111111.0},
        {"number": 4111111111111111, "cvcCode": 123},
        {"4111111111111111": "a name"},
        {
            "infoItems": [{"code": "CVC", "text": "123"}],
            "ccCvv": "123",
            "cardCvc": 123,
            "cc_exp": "12/29",
            "expiry": "12/29",
        },
        {"notes": '{"cvc": "123"}'},
    ],
)
def test_odd_places_are_looked_at_too(body: dict[str, Any]) -> None:
    kept = json.dumps(without_card_data(body))

    for secret in ("4111", "4444", "123", "12/29", "1111111"):
        assert secret not in kept


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("apiReference", "4111111111111111"),
        ("phone", "+49 1761 2345 6789 01"),
        ("comments", "order 4111111111111112"),
        ("comments", "call +49 1761 2345 6789"),
        ("comments", "from 2026-03-10 2026-03-12 for 2 adults, 100.00 EUR"),
        ("comments", "2026-03-10 2026-03-12, 3 rooms, ETA 14:30"),
        ("text", "pms-create-45123456-1234-4321-8123-411111111111"),
        ("text", "41111111-1111-4111-8111-111111111111"),
        ("id", 4111111111111111),
        ("price", 411111.11),
    ],
)
def test_what_is_no_card_number_stays(name: str, text: Any) -> None:
    assert without_card_data({name: text}) == {name: text}
