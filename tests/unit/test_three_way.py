"""The merge, tried with every combination of what each side was and is."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args
from uuid import uuid4

import pytest
from django.conf import LazySettings

from channel_sync.channels.canonical import Booking, BookingStatus, Guest
from channel_sync.conf import MergedField
from channel_sync.merge.base import Base
from channel_sync.merge.fields import PERSONAL, Field, parts_of, values_of
from channel_sync.merge.owners import OF_AN_OTA, OF_THE_PMS, Owners, Side, owners_of
from channel_sync.merge.three_way import Merged, merge, moved_by_pms

ABSENT = object()
VALUES = ("", "a", "b", "c")
MAYBE = (ABSENT, *VALUES)
OWNERS = (OF_AN_OTA, OF_THE_PMS)


def base(field: Field, value: Any) -> Base:
    # Both sides have agreed on something else before.
    agreed = Base("1", {}).updated({Field.UNITS: 1} if field is not Field.UNITS else {Field.ADULTS: 1})
    return agreed if value is ABSENT else agreed.updated({field: value})


def merged(field: Field, was_there: Any, is_there: Any, was_here: Any, is_here: Any, owners: Owners) -> Merged:
    now = {} if is_there is ABSENT else {field: is_there}
    return merge(base(field, was_there), now, base(field, was_here), {field: is_here}, owners)


CASES = list(product(MAYBE, MAYBE, VALUES, VALUES))


@pytest.mark.parametrize("field", [Field.NOTES, Field.PRICE])
@pytest.mark.parametrize("owners", OWNERS)
def test_what_one_side_has_changed_goes_to_the_other_and_nothing_else_moves(field: Field, owners: Owners) -> None:
    for was_there, is_there, was_here, is_here in CASES:
        if was_there is ABSENT and is_there is not ABSENT:
            continue
        found = merged(field, was_there, is_there, was_here, is_here, owners)
        there = is_there is not ABSENT and is_there != was_there
        here = is_here != was_here
        same = is_there == is_here
        if there and here and not same:
            (clash,) = found.clashes
            assert (clash.winner, clash.channel, clash.pms) == (owners[field], is_there, is_here)
            won = {Side.CHANNEL: (found.to_pms, is_there), Side.PMS: (found.to_channel, is_here)}[owners[field]]
            assert won[0] == {field: won[1]}
            assert len(found.to_pms) + len(found.to_channel) == 1
        else:
            assert found == Merged(
                to_pms={field: is_there} if there and not here and not same else {},
                to_channel={field: is_here} if here and not there and not same else {},
            )


@pytest.mark.parametrize("owners", OWNERS)
def test_once_both_are_carried_nothing_is_left_to_move(owners: Owners) -> None:
    field = Field.EMAIL
    for was_there, is_there, was_here, is_here in CASES:
        if is_there is ABSENT:
            continue
        found = merged(field, was_there, is_there, was_here, is_here, owners)
        here, there = found.to_pms.get(field, is_here), found.to_channel.get(field, is_there)
        agreed_there, agreed_here = base(field, there), base(field, here)

        assert merge(agreed_there, {field: there}, agreed_here, {field: here}, owners) == Merged()
        assert moved_by_pms(agreed_there, agreed_here, {field: here}) == {}


@pytest.mark.parametrize("owners", OWNERS)
def test_what_is_told_for_the_first_time_is_news_unless_the_pms_has_filled_it(owners: Owners) -> None:
    for was_here, is_here in product(VALUES, VALUES):
        found = merged(Field.NOTES, ABSENT, "told", was_here, is_here, owners)

        assert found.clashes == ()
        is_untouched = is_here in ("", was_here)
        assert found.to_pms == ({Field.NOTES: "told"} if is_untouched else {})
        assert found.to_channel == ({} if is_untouched else {Field.NOTES: is_here})


def test_a_host_that_stores_less_has_changed_nothing() -> None:
    """It was told "Ada Byron", keeps "Ada", and the desk edits a note."""
    there = Base("1", {}).updated({Field.GUEST_NAME: ["Ada", "Byron"], Field.NOTES: ""})
    here = Base("1", {}).updated({Field.GUEST_NAME: ["Ada", ""], Field.NOTES: ""})
    now = {Field.GUEST_NAME: ["Ada", ""], Field.NOTES: "cot"}

    assert moved_by_pms(there, here, now) == {Field.NOTES: "cot"}


def test_sides_that_never_agreed_are_as_the_channel_says() -> None:
    nothing = Base("1", {})

    found = merge(nothing, {Field.NOTES: "a", Field.UNITS: 1}, nothing, {Field.NOTES: "b", Field.UNITS: 1}, OF_THE_PMS)

    assert found == Merged(to_pms={Field.NOTES: "a"})


def test_what_the_pms_has_taken_over_by_hand_is_not_sent() -> None:
    there, here = base(Field.NOTES, "b"), base(Field.NOTES, "a")

    assert moved_by_pms(there, here, {Field.NOTES: "b"}) == {}
    assert moved_by_pms(there, here, {Field.NOTES: "c"}) == {Field.NOTES: "c"}


def booking(**changes: Any) -> Booking:
    values = {
        "external_id": "1", "external_room_id": "2001", "status": BookingStatus.CONFIRMED, "check_in": "2027-03-10",
        "check_out": "2027-03-12", "guest": Guest(first_name="Ada", last_name="Lovelace"),
    }  # fmt: skip
    return Booking(**{**values, **changes})


def test_whose_word_counts_stands_in_the_settings(settings: LazySettings) -> None:
    here, there = uuid4(), uuid4()
    settings.CHANNEL_SYNC = {
        **settings.CHANNEL_SYNC,
        "owners": {"ota": {"price": "pms"}},
        "owners_by_property": {
            str(here): {"ota": {"price": "channel", "notes": "channel"}, "pms": {"email": "channel"}}
        },
    }

    assert owners_of(there, is_ours=False) == {**OF_AN_OTA, Field.PRICE: Side.PMS}
    assert owners_of(here, is_ours=False) == {**OF_AN_OTA, Field.NOTES: Side.CHANNEL}
    assert owners_of(here, is_ours=True) == {**OF_THE_PMS, Field.EMAIL: Side.CHANNEL}
    assert owners_of(there, is_ours=True) == OF_THE_PMS


def test_the_settings_name_the_fields_of_the_merge() -> None:
    assert set(get_args(MergedField)) == {field.value for field in Field}


def test_every_field_of_a_booking_is_merged_and_says_what_is_sent_for_it() -> None:
    values = values_of(booking(price="240.5"))

    assert set(values) == set(Field)
    assert values[Field.DATES] == ["2027-03-10", "2027-03-12"]
    assert (values[Field.PRICE], values[Field.STATUS], values[Field.ROOM]) == ("240.50", "confirmed", "2001")
    assert parts_of([Field.DATES, Field.GUEST_NAME]) == {"check_in", "check_out", "guest.first_name", "guest.last_name"}


def test_what_is_not_told_is_not_known() -> None:
    values = values_of(booking(left_out=("guest.last_name", "price", "notes")))

    assert set(Field) - set(values) == {Field.GUEST_NAME, Field.PRICE, Field.NOTES}
    assert values_of(booking())[Field.PRICE] == "0.00", "no price and a price of zero are shown equally"


def test_a_base_names_nobody() -> None:
    kept = str(Base("1", {}).updated(values_of(booking(notes="a secret"))).marks)

    assert "Ada" not in kept
    assert "secret" not in kept
    assert all(Base("1", {}).updated({one: "x"}).marks != Base("2", {}).updated({one: "x"}).marks for one in PERSONAL)
