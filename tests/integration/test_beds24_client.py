"""The Beds24 client over real HTTP: tokens, paging, per-item errors, time-outs, credits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.base import ChannelCredentials
from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.beds24.transport import read_credits
from channel_sync.channels.canonical import (
    AccessToken,
    BookingChange,
    BookingPush,
    BookingStatus,
    BookingWrite,
    Guest,
    ObservedCall,
    WriteOutcome,
    WriteResult,
)
from channel_sync.errors import AuthenticationFailed, ChannelUnavailable, RateLimited, RefusedByChannel
from tests.conftest import RunningSimulator
from tests.memory_tokens import MemoryTokens

CODE = "DEMO-INVITE-CODE"
STAY = {"check_in": date.today() + timedelta(days=30), "check_out": date.today() + timedelta(days=32)}


@dataclass
class Account:
    """A client of the simulated account, its tokens, and the calls it made."""

    channel: Beds24Channel
    tokens: MemoryTokens
    calls: list[ObservedCall]

    def paths(self) -> list[str]:
        return [call.path for call in self.calls]


@pytest.fixture
def account(beds24: RunningSimulator) -> Account:
    return connected(beds24)


def connected(beds24: RunningSimulator, *, read_timeout: float = 10) -> Account:
    options = {"base_url": f"{beds24.address}/v2", "read_timeout": read_timeout}
    new = Beds24Channel.connect(CODE, options)
    assert new.external_id == "901"
    tokens, calls = MemoryTokens(new.refresh_token, new.access_token), []
    return Account(Beds24Channel(ChannelCredentials(tokens, on_call=calls.append, options=options)), tokens, calls)


def push(**changes: Any) -> BookingPush:
    values = {"status": BookingStatus.CONFIRMED, "external_room_id": "2001", **STAY}
    return BookingPush(**{**values, **changes})


def test_an_invite_code_works_once(account: Account, beds24: RunningSimulator) -> None:
    with pytest.raises(RefusedByChannel, match="Invite code is not valid"):
        Beds24Channel.connect(CODE, {"base_url": f"{beds24.address}/v2"})


def test_a_token_is_used_until_it_is_about_to_end(account: Account) -> None:
    account.channel.properties()
    account.channel.properties()

    assert account.paths() == ["/properties", "/properties"]


ENDS_SOON = AccessToken(token="old", expires_at=datetime.now(UTC) + timedelta(minutes=9))


@pytest.mark.parametrize("stored", [None, ENDS_SOON])
def test_a_token_is_fetched_when_there_is_none_or_it_ends_soon(account: Account, stored: AccessToken | None) -> None:
    account.tokens.access = stored

    account.channel.properties()

    assert account.paths() == ["/authentication/token", "/properties"]
    assert account.tokens.access is not None
    assert account.tokens.access.expires_at > datetime.now(UTC) + timedelta(hours=23)


def test_a_refused_token_is_replaced_once(account: Account, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].tokens.clear()

    account.channel.properties()

    assert account.paths() == ["/properties", "/authentication/token", "/properties"]


def test_many_workers_with_a_refused_token_fetch_one(account: Account, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].tokens.clear()
    threads = [threading.Thread(target=account.channel.properties) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert account.paths().count("/authentication/token") == 1


def test_a_refresh_token_that_is_gone_asks_for_a_new_connection(account: Account, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].refresh_tokens.clear()
    account.tokens.access = None

    with pytest.raises(AuthenticationFailed, match="channel_sync_connect"):
        account.channel.properties()


def test_pages_are_followed_to_the_end(account: Account, beds24: RunningSimulator) -> None:
    for _ in range(205):
        beds24.controls.book(roomId=2001, arrival=str(STAY["check_in"]), departure=str(STAY["check_out"]))

    found = list(account.channel.changed_bookings("1001", modified_from=datetime.now(UTC) - timedelta(hours=1)))

    assert len({booking.external_id for booking in found}) == 205
    assert account.paths() == ["/bookings"] * 3


def test_cancelled_bookings_are_asked_for(account: Account, beds24: RunningSimulator) -> None:
    booking = beds24.controls.book(roomId=2001, arrival=str(STAY["check_in"]), departure=str(STAY["check_out"]))
    beds24.controls.change(booking["id"], status="cancelled")

    (found,) = account.channel.changed_bookings("1001", modified_from=datetime.now(UTC) - timedelta(hours=1))

    assert found.change is BookingChange.CANCELLED


def write(account: Account, key: str, external_id: str | None, **changes: Any) -> WriteResult:
    """Write one booking; without changes an existing one is cancelled."""
    pushed = push(**changes) if changes or external_id is None else None
    (result,) = account.channel.write_bookings([BookingWrite(key, external_id, pushed)], idempotency_key=key)
    return result


def test_a_booking_is_created_found_updated_and_cancelled(account: Account, beds24: RunningSimulator) -> None:
    guest = Guest(first_name="Ada", last_name="渡辺", email="ada@example.org", country="GB")
    started = datetime.now(UTC) - timedelta(minutes=1)

    created = write(account, "k1", None, guest=guest, price=Decimal("99.90")).external_id
    assert account.channel.find_bookings("1001", ["k0", "k1"], created_from=started) == {"k1": created}
    assert account.channel.find_bookings("1001", ["k2"], created_from=started) == {}
    write(account, "k2", created, units=2)
    write(account, "k3", created)
    write(account, "k3", created)

    (booking,) = beds24.bookings
    assert (booking["id"], booking["status"], booking["roomQty"]) == (int(created), "cancelled", 2)
    assert [call["idempotencyKey"] for call in beds24.posts("/bookings")] == ["k1", "k2", "k3", "k3"]


def test_only_named_fields_are_sent(account: Account, beds24: RunningSimulator) -> None:
    created = write(account, "k1", None, notes="late", adults=2).external_id
    wanted = BookingWrite("k2", created, push(notes="", adults=3, check_out=STAY["check_out"]), frozenset({"adults"}))

    (result,) = account.channel.write_bookings([wanted], idempotency_key="k2")

    assert result.outcome is WriteOutcome.CHANGED
    assert beds24.posts("/bookings")[-1]["body"] == [{"id": int(created), "numAdult": 3}]
    assert (beds24.bookings[0]["notes"], beds24.bookings[0]["numAdult"]) == ("late", 3)


def test_a_lost_create_is_found_though_it_was_moved_or_cancelled(account: Account, beds24: RunningSimulator) -> None:
    started = datetime.now(UTC) - timedelta(minutes=1)
    created = write(account, "k1", None).external_id
    beds24.controls.change(int(created), roomId=2002, status="cancelled", arrival="2027-06-01", departure="2027-06-02")

    assert account.channel.find_bookings("1001", ["k1"], created_from=started) == {"k1": created}


def test_one_call_writes_many_and_a_refused_item_is_told_without_what_was_sent(
    account: Account, beds24: RunningSimulator
) -> None:
    writes = [
        BookingWrite("k1", None, push()),
        BookingWrite("k2", None, push(external_room_id="9", guest=Guest(last_name="Lovelace"))),
        BookingWrite("k3", None, push()),
    ]

    first, refused, third = account.channel.write_bookings(writes, idempotency_key="k1")

    assert len(beds24.posts("/bookings")) == 1
    assert {first.external_id, third.external_id} == {str(booking["id"]) for booking in beds24.bookings}
    assert "roomId: room not found" in str(refused.refused)
    assert "Lovelace" not in str(refused.refused)


def test_the_state_of_one_booking_can_be_asked_for(account: Account, beds24: RunningSimulator) -> None:
    booking = beds24.controls.book(roomId=2001, arrival=str(STAY["check_in"]), departure=str(STAY["check_out"]))
    beds24.controls.change(booking["id"], status="cancelled")

    found = account.channel.booking(str(booking["id"]))

    assert found is not None
    assert found.status is BookingStatus.CANCELLED
    assert account.channel.booking("1") is None


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_may_pass(account: Account, beds24: RunningSimulator, status: int) -> None:
    beds24.controls.fail_next(kind="status", status=status)

    with pytest.raises(ChannelUnavailable) as caught:
        account.channel.properties()
    assert caught.value.status == status


def test_a_slow_answer_is_given_up(beds24: RunningSimulator) -> None:
    account = connected(beds24, read_timeout=0.5)
    beds24.controls.fail_next(kind="slow", seconds=2)

    with pytest.raises(ChannelUnavailable, match="did not answer"):
        account.channel.properties()
    assert account.calls[-1].status is None


def test_no_credits_say_when_there_are_some_again(account: Account, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].credit_limit = 1

    with pytest.raises(RateLimited) as caught:
        account.channel.properties()
    assert caught.value.retry_after is not None
    assert timedelta(seconds=290) < caught.value.retry_after <= timedelta(seconds=301)


def test_every_call_is_observed_with_its_credits(account: Account) -> None:
    account.channel.properties()

    (call,) = account.calls
    assert (call.method, call.path, call.status) == ("GET", "/properties", 200)
    assert call.credits.limit is None, "Beds24 does not say it"
    assert call.credits.cost == 1
    assert call.credits.remaining is not None


@pytest.mark.parametrize(
    "headers",
    [
        {"X-FiveMinCreditLimit-Remaining": "42.5", "X-FiveMinCreditLimit-ResetsIn": "60", "X-RequestCost": "1.5"},
        {"x-five-min-limit-remaining": "42.5", "x-five-min-limit-resets-in": "60", "x-request-cost": "1.5"},
    ],
)
def test_both_spellings_of_the_credit_headers_are_read(headers: dict[str, str]) -> None:
    credits = read_credits(headers)

    assert (credits.remaining, credits.resets_in_seconds, credits.cost) == (Decimal("42.5"), 60, Decimal("1.5"))


@pytest.mark.parametrize("value", ["", "many", "NaN", "Infinity"])
def test_credits_that_cannot_be_read_are_unknown(value: str) -> None:
    assert read_credits({"X-FiveMinCreditLimit-Remaining": value}).remaining is None


def test_rooms_are_read_from_either_list(account: Account) -> None:
    (details,) = account.channel.properties()

    assert [(room.external_id, room.name, room.units) for room in details.rooms] == [
        ("2001", "Double Room", 10),
        ("2002", "Single Room", 5),
        ("2003", "Suite", 2),
    ]


def test_a_window_that_ends_in_months_is_another_unit() -> None:
    """A header in milliseconds put events off for months, and no lever helped."""
    assert read_credits({"x-five-min-limit-resets-in": "9000000"}).resets_in_seconds == 900
    assert read_credits({"x-five-min-limit-resets-in": "-5"}).resets_in_seconds == 0
    assert read_credits({"X-FiveMinCreditLimit-ResetsIn": "240"}).resets_in_seconds == 240


def test_a_booking_whose_group_is_gone_is_booked_without_it(account: Account, beds24: RunningSimulator) -> None:
    writes = [
        BookingWrite("first", None, push(), group="a group", leader="4711"),
        BookingWrite("second", None, push(check_out=STAY["check_in"] + timedelta(days=1))),
    ]

    results = account.channel.write_bookings(writes, idempotency_key="first")

    assert [result.outcome for result in results] == [WriteOutcome.CREATED] * 2
    assert [booking["masterId"] for booking in beds24.bookings] == [None, None]
    assert {result.external_id for result in results} == {str(booking["id"]) for booking in beds24.bookings}
