"""What a host calls: the public names of channel_sync. docs/host.md says when.

The port that a host implements is `channel_sync.pms`; every error is in `channel_sync.errors`.
"""

from channel_sync.errors import ChannelSyncError, InvalidStay, NotEnoughUnits, SoldOut, UnknownRoomType
from channel_sync.inventory.moves import TakenStay
from channel_sync.operations.book_again import book_again
from channel_sync.operations.selling import Sale, sell
from channel_sync.outbound.cancelled_here import cancellation_warning
from channel_sync.outbound.enqueue import availability_changed, rates_changed, reservations_changed

__all__ = [
    "ChannelSyncError",
    "InvalidStay",
    "NotEnoughUnits",
    "Sale",
    "SoldOut",
    "TakenStay",
    "UnknownRoomType",
    "availability_changed",
    "book_again",
    "cancellation_warning",
    "rates_changed",
    "reservations_changed",
    "sell",
]
