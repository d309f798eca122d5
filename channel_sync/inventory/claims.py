"""Units that a channel has sold and the PMS does not keep: nobody else gets them (`channel_claims`).

Everything here runs inside the caller's transaction. What changes hands are nights of a room type: the caller sees that
the channels hear of them.
"""

from __future__ import annotations

from uuid import UUID

from channel_sync.inventory.moves import TakenStay
from channel_sync.models import ChannelClaim, ChannelProperty
from channel_sync.pms import NightSpan


def keep_claim(
    channel_property: ChannelProperty, external_id: str, stay: TakenStay, *, reservation_id: UUID | None
) -> list[NightSpan]:
    """Keep the whole stay of a booking; the nights whose free units may have changed by it.

    What its own reservation takes of it is not counted twice.
    """
    before = _find(channel_property, external_id)
    if before is not None and (_stay(before), before.reservation_id) == (stay, reservation_id):
        return []
    ChannelClaim.objects.update_or_create(
        channel_property=channel_property,
        external_id=external_id,
        defaults={
            "reservation_id": reservation_id,
            "room_type_id": stay.room_type_id,
            "check_in": stay.check_in,
            "check_out": stay.check_out,
            "units": stay.units,
        },
    )
    changed = [stay] if before is None else [_stay(before), stay]
    return [_nights(channel_property, one) for one in changed]


def has_claim(channel_property: ChannelProperty, external_id: str) -> bool:
    """Whether units are kept for a booking."""
    return ChannelClaim.objects.filter(channel_property=channel_property, external_id=external_id).exists()


def release_claim(channel_property: ChannelProperty, external_id: str) -> list[NightSpan]:
    """Give the units of a booking back, if any are kept; the nights that have more of them now."""
    before = _find(channel_property, external_id)
    if before is None:
        return []
    before.delete()
    return [_nights(channel_property, _stay(before))]


def _find(channel_property: ChannelProperty, external_id: str) -> ChannelClaim | None:
    claims = ChannelClaim.objects.filter(channel_property=channel_property, external_id=external_id)
    return claims.select_for_update().first()


def _stay(claim: ChannelClaim) -> TakenStay:
    return TakenStay(claim.room_type_id, claim.check_in, claim.check_out, claim.units)


def _nights(channel_property: ChannelProperty, stay: TakenStay) -> NightSpan:
    return NightSpan(channel_property.property_id, stay.room_type_id, stay.check_in, stay.check_out)
