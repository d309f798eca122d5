from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.normalization import (
    KEY_INFO_CODE,
    normalize_availability_event,
    normalize_booking_event,
    normalize_rate_event,
)
from channel_sync.channels.canonical import BookingStatus
from channel_sync.errors import InvalidPayload
from tests.beds24_webhooks import booking, webhook


def test_a_webhook_becomes_a_canonical_booking() -> None:
    found = normalize_booking_event(
        webhook(
            arrival="2027-03-27",
            departure="2027-03-29",
            roomQty=2,
            masterId=77,
            info_items=[{"code": KEY_INFO_CODE, "text": "the-key"}],
        )
    )

    assert found.external_id == "5000001"
    assert found.external_room_id == "2001"
    assert (found.check_in, found.check_out) == (date(2027, 3, 27), date(2027, 3, 29))
    assert (found.units, found.adults, found.group_id) == (2, 2, "77")
    assert found.status is BookingStatus.CONFIRMED
    assert found.price == Decimal("240.00")
    assert found.guest.last_name == "Lovelace"
    assert found.modified_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (found.ota, found.ota_reference) == ("booking", "BDC-1")
    assert found.client_key == "the-key"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("confirmed", BookingStatus.CONFIRMED),
        ("new", BookingStatus.CONFIRMED),
        ("request", BookingStatus.REQUEST),
        ("cancelled", BookingStatus.CANCELLED),
        ("black", BookingStatus.BLOCKED),
        ("inquiry", BookingStatus.INQUIRY),
    ],
)
def test_every_status_has_a_meaning(theirs: str, ours: BookingStatus) -> None:
    assert normalize_booking_event(webhook(status=theirs)).status is ours


def test_numbers_may_come_as_strings_and_blanks_as_nothing() -> None:
    found = normalize_booking_event(
        webhook(id="5000001", roomId="2001", numAdult="2", numChild="", price="99.5", firstName=None, roomQty="")
    )

    assert (found.adults, found.children, found.units) == (2, 0, 1)
    assert found.price == Decimal("99.50")
    assert found.guest.first_name == ""


@pytest.mark.parametrize("name", ["渡辺", "👩‍🚀 Ada", "عمر الخيام", "O'Brien-Łukasz"])
def test_names_of_all_scripts_survive(name: str) -> None:
    assert normalize_booking_event(webhook(lastName=name)).guest.last_name == name


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"arrival": "31.12.2026"}, "booking.arrival"),
        ({"departure": None}, "booking.departure"),
        ({"numAdult": -1}, "booking.numAdult"),
        ({"numAdult": "two"}, "booking.numAdult"),
        ({"price": "free"}, "booking.price"),
        ({"price": "NaN"}, "booking.price"),
        ({"roomQty": 100_000}, "booking.roomQty"),
        ({"status": "on hold"}, "booking.status"),
        ({"roomId": ""}, "booking.roomId"),
        ({"modifiedTime": "yesterday"}, "booking.modifiedTime"),
    ],
)
def test_wrong_data_names_its_field_and_not_its_value(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        normalize_booking_event(webhook(**changes))

    assert caught.value.field == field


def test_a_departure_before_the_arrival_is_told() -> None:
    with pytest.raises(InvalidPayload, match="2027-01-01 is not after arrival 2027-01-05"):
        normalize_booking_event(webhook(arrival="2027-01-05", departure="2027-01-01"))


@pytest.mark.parametrize(
    ("price", "cents"),
    [(133.33333333333334, "133.33"), (-1.5e-218, "0.00"), (1e9, "1000000000.00"), ("99.995", "100.00")],
)
def test_a_price_of_many_digits_is_rounded(price: object, cents: str) -> None:
    assert str(normalize_booking_event(webhook(price=price)).price) == cents


def test_rooms_are_blocked_for_years_and_not_for_ages() -> None:
    """The nights of a stay are counted: a slip in the year must not keep a worker busy with millions of them."""
    assert normalize_booking_event(webhook(arrival="2027-01-05", departure="2099-12-31")).check_out.year == 2099

    with pytest.raises(InvalidPayload, match="more than a century"):
        normalize_booking_event(webhook(arrival="2027-01-05", departure="9999-12-31"))


def test_a_booking_of_a_list_has_no_wrapper() -> None:
    assert normalize_booking_event(booking()).external_id == "5000001"


def test_availability_becomes_ranges() -> None:
    found = normalize_availability_event(
        {
            "roomId": 2001,
            "calendar": [
                {"from": "2027-01-01", "to": "2027-01-03", "numAvail": 4},
                {"from": "2027-01-04", "to": "2027-01-04", "numAvail": -1},
                {"from": "2027-01-05", "to": "2027-01-05"},
            ],
        }
    )

    assert [(span.first_night, span.last_night, span.units) for span in found] == [
        (date(2027, 1, 1), date(2027, 1, 3), 4),
        (date(2027, 1, 4), date(2027, 1, 4), -1),
    ]


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidPayload, match=r"calendar\.to"):
        normalize_availability_event(
            {"roomId": 1, "calendar": [{"from": "2027-01-02", "to": "2027-01-01", "numAvail": 1}]}
        )


def test_each_price_slot_is_a_rate() -> None:
    day = {"from": "2027-01-01", "to": "2027-01-02", "price1": 100, "price16": 80.5, "minStay": 2, "maxStay": 14}
    first, last = normalize_rate_event({"roomId": 2001, "calendar": [{**day, "override": "noCheckInOrCheckOut"}]})

    assert (first.external_rate_id, first.terms.price) == ("2001:1", Decimal("100.00"))
    assert (last.external_rate_id, last.terms.price) == ("2001:16", Decimal("80.50"))
    assert (first.terms.min_stay, first.terms.max_stay) == (2, 14)
    assert (first.terms.closed_to_arrival, first.terms.closed_to_departure, first.terms.stop_sell) == (
        True,
        True,
        False,
    )


def test_a_price_that_is_no_money_names_its_slot() -> None:
    with pytest.raises(InvalidPayload, match="price3"):
        normalize_rate_event({"roomId": 1, "calendar": [{"from": "2027-01-01", "to": "2027-01-01", "price3": "x"}]})
