"""A client of the simulated account, as the app makes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from channel_sync.channels.base import ChannelCredentials
from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import BookingPush, BookingStatus, BookingWrite, WriteResult
from tests.conftest import RunningSimulator
from tests.memory_tokens import MemoryTokens

FIRST = date.today() + timedelta(days=30)
LAST = FIRST + timedelta(days=2)


@dataclass
class Account:
    """The client, its tokens, and the simulator that it calls."""

    channel: Beds24Channel
    tokens: MemoryTokens
    beds24: RunningSimulator

    def write(
        self, external_id: str | None, *, group: str = "", leader: str | None = None, **changes: Any
    ) -> WriteResult:
        """Write one booking; an existing one without changes is cancelled."""
        values = {"status": BookingStatus.CONFIRMED, "external_room_id": "2001", "check_in": FIRST, "check_out": LAST}
        push = BookingPush(**{**values, **changes}) if changes or external_id is None else None
        write = BookingWrite("a key", external_id, push, group=group, leader=leader)
        (result,) = self.channel.write_bookings([write], idempotency_key="a key")
        return result

    def asked(self) -> set[str]:
        """The endpoints that were called."""
        return {exchange.endpoint for exchange in self.beds24.simulator.exchanges}


def connected_account(beds24: RunningSimulator) -> Account:
    """Connect with the invite code."""
    options = {"base_url": f"{beds24.address}/v2"}
    new = Beds24Channel.connect("DEMO-INVITE-CODE", options)
    tokens = MemoryTokens(new.refresh_token, new.access_token)
    return Account(Beds24Channel(ChannelCredentials(tokens, options=options)), tokens, beds24)
