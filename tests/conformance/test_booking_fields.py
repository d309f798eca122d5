"""Every documented field of a booking has a place, and is found there."""

from __future__ import annotations

from typing import Any

import pytest

from channel_sync.channels.beds24.normalization import normalize_booking_event
from channel_sync.channels.beds24.webhook import listed_booking
from channel_sync.channels.beds24.wire import WireBooking
from channel_sync.channels.canonical import named_value
from tests.conformance import samples
from tests.conformance.booking_fields import DROPPED, KEPT, READ
from tests.conformance.description import description

# Another value of each field that is read, and what becomes of it.
OTHER: dict[str, tuple[Any, Any]] = {
    "id": (90900009, "90900009"),
    "propertyId": (310009, "310009"),
    "roomId": (710009, "710009"),
    "unitId": (3, "3"),
    "masterId": (90900000, "90900000"),
    "roomQty": (4, 4),
    "status": ("cancelled", "cancelled"),
    "arrival": ("2026-09-02", "2026-09-02"),
    "departure": ("2026-09-06", "2026-09-06"),
    "numAdult": (3, 3),
    "numChild": (2, 2),
    "firstName": ("Grace", "Grace"),
    "lastName": ("Hopper", "Hopper"),
    "email": ("grace@example.org", "grace@example.org"),
    "phone": ("34611111111", "34611111111"),
    "country2": ("PT", "PT"),
    "comments": ("late", "late"),
    "notes": ("cash", "cash"),
    "channel": ("airbnb", "airbnb"),
    "apiReference": ("HM1", "HM1"),
    "bookingTime": ("2026-08-01T00:00:00Z", "2026-08-01 00:00:00+00:00"),
    "modifiedTime": ("2026-08-09T00:00:00Z", "2026-08-09 00:00:00+00:00"),
    "cancelTime": ("2026-08-10T00:00:00Z", "2026-08-10 00:00:00+00:00"),
    "price": (12.5, "12.50"),
    "infoItems": ([{"code": "CHANNELSYNC", "text": "our-key"}], "our-key"),
}


def test_every_documented_field_has_one_place() -> None:
    documented = set(description().shapes["booking_listed"]["properties"])

    assert {*READ, *KEPT, *DROPPED} == documented
    assert len(READ) + len(KEPT) + len(DROPPED) == len(documented)


def test_what_is_read_is_what_the_client_looks_at() -> None:
    assert set(READ) == set(WireBooking.model_fields) - {"currency"}, "only the envelope may name a currency"


@pytest.mark.parametrize("field", sorted(OTHER))
def test_what_is_read_is_found_in_the_booking(field: str) -> None:
    value, wanted = OTHER[field]

    booking = normalize_booking_event({**samples.OF_AN_OTA, field: value})

    assert str(named_value(booking, READ[field])) == str(wanted)
    assert str(named_value(normalize_booking_event(samples.OF_AN_OTA), READ[field])) != str(wanted)


def test_a_mobile_number_stands_in_for_a_phone() -> None:
    assert normalize_booking_event({**samples.OF_AN_OTA, "phone": "", "mobile": "34622"}).guest.phone == "34622"


def test_what_is_kept_is_in_the_payload_and_what_is_dropped_is_not() -> None:
    extra = {name: f"a {name}" for name in ("bookingGroup", "guests", "invoiceItems")}
    payload = listed_booking({**samples.OF_AN_OTA, **extra, "stripeToken": "tok", "pcibookingToken": "tok"}).payload

    assert set(KEPT) <= set(payload["booking"])
    assert not set(DROPPED) & set(payload["booking"])
