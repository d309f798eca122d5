"""Which of the details that only the channel can change go to the PMS, and that a price goes with its currency."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from channel_sync.channels.booking_details import Detail, knows, with_details
from channel_sync.channels.canonical import Booking
from channel_sync.merge.agreement import is_made_here
from channel_sync.merge.fields import Field, Values, values_of
from channel_sync.merge.owners import Side
from channel_sync.merge.three_way import Clash, Merged
from channel_sync.models import ReservationLink
from channel_sync.pms import Reservation

ALWAYS_SHOWN = frozenset({Detail.GUEST_COMMENTS})


def price_with_currency(
    link: ReservationLink, booking: Booking, before: Reservation, moved: Merged, changed: Collection[Detail]
) -> Merged:
    """Where the currency has changed, the channel's price goes with it; one that the PMS has set meanwhile clashes.

    The PMS's price was meant in the currency of before, and would be another amount in the new one.
    """
    theirs = values_of(booking).get(Field.PRICE)
    if Detail.CURRENCY not in changed or not knows(link.applied_details, Detail.CURRENCY) or theirs is None:
        return moved
    clashes = [clash for clash in moved.clashes if clash.field is not Field.PRICE]
    if Field.PRICE in moved.to_channel or len(clashes) < len(moved.clashes):
        clashes.append(Clash(Field.PRICE, Side.CHANNEL, theirs, f"{before.price or 0:.2f}"))
    to_channel: Values = {one: value for one, value in moved.to_channel.items() if one is not Field.PRICE}
    return replace(moved, to_pms={**moved.to_pms, Field.PRICE: theirs}, to_channel=to_channel, clashes=tuple(clashes))


def details_to_carry(
    link: ReservationLink, booking: Booking, before: Reservation, moved: Merged, changed: Collection[Detail]
) -> frozenset[Detail]:
    """What has changed, less what the PMS knows in its own words.

    A group that the desk has made comes back under the channel's number: what the PMS calls it stays. A currency
    comes with the channel's price or not at all.
    """
    carried = set(changed)
    if before.group and is_made_here(link, booking) and not link.group_id:
        carried.discard(Detail.GROUP)
    has_its_price = "price" not in booking.left_out and (Field.PRICE in moved.to_pms or booking.price == before.price)
    if not has_its_price:
        carried.discard(Detail.CURRENCY)
    return frozenset(carried)


def with_changed_details(booking: Booking, carried: Collection[Detail]) -> Booking:
    """What the port is handed: details that have not changed are left unsaid, but for the guest's own words."""
    return with_details(booking, ALWAYS_SHOWN | set(carried))
