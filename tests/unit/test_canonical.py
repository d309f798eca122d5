from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from channel_sync.channels.canonical import BookingPush, BookingStatus, Guest, content_hash


def push(**changes: object) -> BookingPush:
    values: dict[str, object] = {
        "status": BookingStatus.CONFIRMED,
        "check_in": date(2027, 1, 1),
        "check_out": date(2027, 1, 3),
        "price": Decimal("120"),
        "external_room_id": "2001",
    }
    return BookingPush.model_validate(values | changes)


def test_the_hash_is_the_same_for_the_same_content() -> None:
    assert content_hash(push(price=Decimal("120.00"))) == content_hash(push(price=Decimal("120")))


@pytest.mark.parametrize(
    "change",
    [
        {"check_out": date(2027, 1, 4)},
        {"price": Decimal("120.01")},
        {"guest": Guest(last_name="Lovelace")},
        {"units": 2},
        {"external_room_id": "2002"},
        {"status": BookingStatus.REQUEST},
    ],
)
def test_the_hash_changes_with_the_content(change: dict[str, object]) -> None:
    assert content_hash(push(**change)) != content_hash(push())


def test_a_stay_has_at_least_one_night() -> None:
    with pytest.raises(ValidationError, match="not after arrival"):
        push(check_out=date(2027, 1, 1))


def test_money_is_kept_in_cents() -> None:
    assert push(price=Decimal("99.995")).price == Decimal("100.00")
