"""What one reservation needs at its channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channel_sync.channels.canonical import BookingWrite
from channel_sync.models import ChannelEvent
from channel_sync.pms import Reservation


@dataclass(frozen=True)
class Planned:
    """What one reservation needs: a write, or none with the reason; `later` are younger events of the same one.

    `cut` says what of the reservation goes out shortened.
    """

    event: ChannelEvent
    later: Sequence[ChannelEvent]
    reservation: Reservation | None
    write: BookingWrite | None
    external_id: str | None = None
    reason: str = ""
    error: Exception | None = None
    cut: tuple[str, ...] = ()

    @property
    def is_taken_up(self) -> bool:
        """Whether the write leaves a booking at the channel: its reservation is confirmed with it."""
        return self.write is not None and self.write.push is not None
