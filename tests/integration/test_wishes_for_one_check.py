"""A parity check that was wanted twice kept the weaker reason, and its failure put off the second wish."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from channel_sync.connections.opening import want_check
from channel_sync.errors import ChannelUnavailable
from channel_sync.models import ChannelProperty, ParityCheck, ParityReason, ParityStatus
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.parity import parity_of
from channel_sync.operations.properties import NewConnection, connect
from channel_sync.parity import check
from channel_sync.parity.tasks import check_parity
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import plenty_of_credits
from tests.factories import RoomTypeFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (ParityReason.MAPPED, ParityReason.MOVED, ParityReason.MOVED),
        (ParityReason.MAPPED, ParityReason.CONNECTED, ParityReason.CONNECTED),
        (ParityReason.MAPPED, ParityReason.RESUMED, ParityReason.RESUMED),
        (ParityReason.RESUMED, ParityReason.MOVED, ParityReason.MOVED),
        (ParityReason.CONNECTED, ParityReason.MAPPED, ParityReason.CONNECTED),
        (ParityReason.MOVED, ParityReason.RESUMED, ParityReason.MOVED),
    ],
)
def test_the_reason_that_compares_more_is_kept(
    channel_property: ChannelProperty, first: ParityReason, second: ParityReason, kept: ParityReason
) -> None:
    for reason in (first, second):
        want_check(channel_property, reason, by="ada")

    assert ParityCheck.objects.get().reason == kept


def test_a_move_while_a_mapping_waits_is_compared_as_a_move(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    RoomTypeFactory(hotel=connected.hotel, name="Nobody mapped this", units=1)
    want_check(connected.channel_property, ParityReason.MAPPED, by="ada")
    ChannelProperty.objects.update(channel_property_id="1000")
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")

    connect(NewConnection(connected.hotel.id, "beds24", "ANOTHER", "1001", after_move=AfterMove.KEEP), by="ada")
    check_parity(str(connected.channel_property.id))

    report = parity_of(connected.channel_property).report
    assert report is not None
    assert any("Nobody mapped this" in sentence for sentence in report.unmapped)


def test_a_failure_leaves_a_check_alone_that_was_wanted_again_meanwhile(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    want_check(connected.channel_property, ParityReason.MAPPED, by="ada")

    def fails_late(*_: Any, **__: Any) -> None:
        want_check(connected.channel_property, ParityReason.MAPPED, by="bob")
        raise ChannelUnavailable("It does not answer.")

    monkeypatch.setattr(check, "compare_sides", fails_late)

    check_parity(str(connected.channel_property.id))

    due = ParityCheck.objects.get(status=ParityStatus.WANTED, due_at__lte=Now() + timedelta(seconds=5))
    assert due.failures == 0
