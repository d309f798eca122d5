"""Two people connected at once: codes were spent in vain, and a decision was acted on that no longer held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from channel_sync.connections import connect as connecting
from channel_sync.connections.connect import Connected, connect_property
from channel_sync.errors import BookingsNotSettled, ChannelSyncError, ConnectedElsewhere
from channel_sync.models import ChannelConnection, ChannelEvent, ChannelProperty, Direction, EventStatus
from channel_sync.operations.access import access_now
from channel_sync.operations.properties import NewConnection, connect
from channel_sync.operations.roles import Role
from pms_project.pms.models import HotelSettings
from tests.conftest import RunningSimulator
from tests.factories import EventFactory, HotelFactory
from tests.staff import works_in
from tests.waiting import until

CODE, SECOND_CODE = "DEMO-INVITE-CODE", "SECOND-CODE"
NUMBER = "1001"
WAITS = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
)
"""

pytestmark = pytest.mark.django_db(transaction=True)


def codes(beds24: RunningSimulator) -> set[str]:
    (account,) = beds24.simulator.state.accounts.values()
    return account.invite_codes


@pytest.fixture
def two_codes(beds24: RunningSimulator) -> RunningSimulator:
    codes(beds24).add(SECOND_CODE)
    return beds24


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[Any], None]) -> None:
    """While an invite code is exchanged at the channel."""
    save_account = connecting._save_account

    def exchanged(*arguments: Any) -> Any:
        account = save_account(*arguments)
        happens(account)
        return account

    monkeypatch.setattr(connecting, "_save_account", exchanged)


def connected_by_hand(hotel: HotelSettings) -> Callable[[Any], None]:
    """As another program would write it, which takes no lock of ours."""

    def write(account: Any) -> None:
        own = ChannelProperty.objects.create(property=hotel, channel_name="beds24", channel_property_id=NUMBER)
        ChannelConnection.objects.create(channel_property=own, account=account, webhook_secret="secret")

    return write


@pytest.mark.parametrize("number", [NUMBER, pytest.param(None, id="unnamed")])
def test_of_two_who_connect_one_property_at_once_the_second_keeps_the_code(
    two_codes: RunningSimulator, monkeypatch: pytest.MonkeyPatch, number: str | None
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    outcomes: dict[str, object] = {}

    def hold_up(account: Any) -> None:
        if threading.current_thread().name == CODE:
            inside.set()
            assert go_on.wait(30)

    meanwhile(monkeypatch, hold_up)
    hotels = {CODE: HotelFactory(), SECOND_CODE: HotelFactory()}

    def ask() -> None:
        code = threading.current_thread().name
        try:
            outcomes[code] = connect(NewConnection(hotels[code].id, "beds24", code, number), by="ada").connected
        except ChannelSyncError as error:
            outcomes[code] = error
        finally:
            connection.close()

    first, second = (threading.Thread(target=ask, name=code) for code in hotels)
    first.start()
    assert inside.wait(30)
    second.start()
    until(lambda: SECOND_CODE in outcomes or waits_for_a_lock(), seconds=30)
    go_on.set()
    first.join(30)
    second.join(30)

    assert isinstance(outcomes[CODE], Connected), outcomes
    assert not isinstance(outcomes[SECOND_CODE], Connected)
    assert SECOND_CODE in codes(two_codes)
    assert ChannelConnection.objects.get().channel_property.property_id == hotels[CODE].id


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITS)
        (waits,) = cursor.fetchone() or (False,)
    return bool(waits)


def test_what_another_program_connects_between_look_and_write_is_refused_with_words(
    beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = connecting.connected_elsewhere

    def looked(*arguments: Any) -> Any:
        found = look(*arguments)
        if found is None and connection.in_atomic_block:
            other = threading.Thread(target=write)
            other.start()
            other.join(30)
        return found

    def write() -> None:
        ChannelProperty.objects.create(property=HotelFactory(), channel_name="beds24", channel_property_id=NUMBER)
        connection.close()

    monkeypatch.setattr(connecting, "connected_elsewhere", looked)

    with pytest.raises(ConnectedElsewhere, match="the invite code is spent"):
        connect_property(HotelFactory().id, channel_name="beds24", invite_code=CODE, channel_property_id=NUMBER)


def test_nobody_takes_over_what_was_connected_meanwhile_and_they_may_not_displace(
    beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants, has = HotelFactory(), HotelFactory()
    meanwhile(monkeypatch, connected_by_hand(has))
    new = NewConnection(wants.id, "beds24", CODE, NUMBER, take_over=True)

    with pytest.raises(ConnectedElsewhere, match="the invite code is spent") as refused:
        connect(new, by="ada", may_displace=lambda other: False)

    assert str(has.id) not in str(refused.value)
    assert ChannelConnection.objects.get().channel_property.property_id == has.id


def test_a_role_that_ends_while_the_code_is_exchanged_takes_nothing_over(
    beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants, has = HotelFactory(), HotelFactory()
    other = ChannelProperty.objects.create(property=has, channel_name="beds24", channel_property_id=NUMBER)
    administrator = works_in(wants, Role.ADMINISTRATOR)
    works_in(has, Role.ADMINISTRATOR)
    meanwhile(monkeypatch, lambda account: works_in(has, Role.VIEWER))
    new = NewConnection(wants.id, "beds24", CODE, NUMBER, take_over=True)

    with pytest.raises(ConnectedElsewhere):
        connect(new, by="clerk", may_displace=lambda other: access_now(administrator).may(Role.ADMINISTRATOR, other.id))

    other.refresh_from_db()
    assert other.channel_property_id == NUMBER


def test_what_was_booked_while_the_code_is_exchanged_is_settled_before_it_is_taken_over(
    beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants, has = HotelFactory(), HotelFactory()
    other = ChannelProperty.objects.create(property=has, channel_name="beds24", channel_property_id=NUMBER)
    meanwhile(
        monkeypatch,
        lambda account: EventFactory(channel_property=other, direction=Direction.INBOUND, status=EventStatus.RECEIVED),
    )

    with pytest.raises(BookingsNotSettled):
        connect(NewConnection(wants.id, "beds24", CODE, NUMBER, take_over=True), by="ada")

    other.refresh_from_db()
    assert other.channel_property_id == NUMBER
    assert ChannelEvent.objects.get().status == EventStatus.RECEIVED
