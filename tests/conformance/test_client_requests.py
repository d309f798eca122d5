"""Every kind of request that the client sends conforms to the description, apart from what `known.py` lists.

The fixture of the simulator checks its traffic; these tests make all of it happen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import AvailabilityRange, BookingStatus, Guest, RateRange, RateTerms
from channel_sync.channels.reports import Report
from tests.conformance.account import FIRST, LAST, Account, connected_account
from tests.conformance.faults import Fault, request_faults
from tests.conformance.known import KNOWN, fault_of
from tests.conftest import RunningSimulator

SINCE = datetime.now(UTC) - timedelta(minutes=1)
GUEST = Guest(first_name="Ada", last_name="渡辺", email="ada@example.org", phone="34600000000", country="GB")
STANDARD = "2001:1"


@pytest.fixture
def account(beds24: RunningSimulator) -> Account:
    return connected_account(beds24)


def sent_wrong(account: Account) -> set[Fault]:
    """What of the requests does not conform, known or not."""
    return {fault for exchange in account.beds24.simulator.exchanges for fault in request_faults(exchange)}


def book_change_and_cancel(account: Account) -> None:
    created = account.write(None, guest=GUEST, price=Decimal("99.90"), notes="late", adults=2, children=1).external_id
    account.write(created, guest=GUEST, units=2, status=BookingStatus.REQUEST)
    account.write(created)


def book_a_group_and_join_it(account: Account) -> None:
    leader = account.write(None, group="a group").external_id
    joined = account.write(None, group="a group", leader=leader).external_id

    assert [booking["masterId"] for booking in account.beds24.bookings] == [int(leader)] * 2
    assert joined != leader


def report_a_booking(account: Account) -> None:
    for report, days in ((Report.NO_SHOW, 0), (Report.INVALID_CARD, 30), (Report.CANCELLATION, 30)):
        arrival = date.today() + timedelta(days=days)
        stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
        made = account.beds24.controls.book(roomId=2001, **stay)
        account.channel.report(str(made["id"]), report)
    actions = [found["action"] for found in account.beds24.controls.state()["reports"]]
    assert actions == ["reportNoShow", "reportInvalidCard", "reportCancel"]


def push_availability(account: Account) -> None:
    ranges = [AvailabilityRange(external_room_id="2001", first_night=FIRST, last_night=LAST, units=-1)]
    account.channel.push_availability(ranges, idempotency_key="a key")


@pytest.mark.parametrize(
    "terms",
    [
        RateTerms(price=Decimal("99.90")),
        RateTerms(price=Decimal(0), min_stay=0, max_stay=365),
        RateTerms(min_stay=900, max_stay=900, stop_sell=True),
        RateTerms(closed_to_arrival=True, closed_to_departure=True),
    ],
)
def test_rates(account: Account, terms: RateTerms) -> None:
    ranges = [
        RateRange(
            external_rate_id=f"2001:{slot}", first_night=FIRST, last_night=LAST, terms=terms, units=3, resend=True
        )
        for slot in (1, 16)
    ]

    account.channel.push_rates(ranges, idempotency_key="a key")

    assert sent_wrong(account) == set()


@pytest.mark.parametrize(
    "make",
    [
        book_change_and_cancel,
        book_a_group_and_join_it,
        report_a_booking,
        push_availability,
        lambda account: account.channel.ping(),
        lambda account: account.channel.properties(),
        lambda account: account.channel.find_bookings("1001", ["k"], created_from=SINCE),
        lambda account: account.channel.booking("5000001"),
        lambda account: account.channel.bookings(["5000001", "5000002"]),
        lambda account: list(account.channel.changed_bookings("1001", modified_from=SINCE)),
        lambda account: account.channel.arriving_bookings("1001", FIRST, LAST, page=2),
        lambda account: account.channel.bookings_departing_from("1001", FIRST, page=1),
        lambda account: account.channel.availability(["2001", "2002"], FIRST, LAST),
        lambda account: account.channel.rates([STANDARD, "2002:3"], FIRST, LAST),
        lambda account: Beds24Channel.is_reachable({"base_url": f"{account.beds24.address}/v2"}, timeout=5),
    ],
)
def test_each_kind_of_request(account: Account, make: Callable[[Account], object]) -> None:
    before = len(account.beds24.simulator.exchanges)

    make(account)

    assert len(account.beds24.simulator.exchanges) > before
    assert sent_wrong(account) == set()


def test_logging_in_again(account: Account) -> None:
    account.tokens.access = None

    account.channel.properties()

    assert "GET /authentication/token" in account.asked()
    assert sent_wrong(account) == set()


def test_every_known_exception_is_still_needed_and_there_is_no_other(account: Account) -> None:
    """The PMS holds what Beds24 does not take; correct one of these in the client, and its entry has to go."""
    endless = "a" * 3000
    account.write(None, guest=Guest())
    account.write(
        None,
        guest=Guest(
            first_name=endless, last_name=endless, email=f"{endless}@example.org", phone=endless, country="Germany"
        ),
        notes=endless,
        adults=100,
        children=100,
        price=Decimal("-0.01"),
    )
    account.write(None, guest=GUEST, price=Decimal(10**9))
    below_zero = RateTerms(price=Decimal("-0.01"))
    with pytest.raises(Exception, match="price1"):
        account.channel.push_rates(
            [RateRange(external_rate_id=STANDARD, first_night=FIRST, last_night=LAST, terms=below_zero, units=1)],
            idempotency_key="a key",
        )

    found = {(fault.endpoint, fault.field, fault.rule) for fault in sent_wrong(account)}

    assert found == {fault_of(known) for known in KNOWN}
