"""What a link says was applied and sent: read before the channel is asked, it shows whether anything came between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from channel_sync.models import ChannelProperty, ReservationLink


@dataclass(frozen=True)
class LinkState:
    """The content of a link; two that are equal mean that nothing was applied or sent from one to the other.

    A comparison by content needs no clock: processes may differ in theirs.
    """

    reservation_id: UUID | None
    applied_modified_at: datetime | None
    applied_hash: str
    applied_cancelled: bool
    bases: Mapping[str, Any]


def link_states(channel_property: ChannelProperty, external_ids: Collection[str]) -> Mapping[str, LinkState]:
    """External id -> its link as it is now; a booking without a link is left out."""
    links = ReservationLink.objects.filter(channel_property=channel_property, external_id__in=external_ids)
    return {link.external_id: _state(link) for link in links}


def link_state(channel_property: ChannelProperty, external_id: str) -> LinkState | None:
    """The link of one booking as it is now; None where there is none."""
    return link_states(channel_property, [external_id]).get(external_id)


def _state(link: ReservationLink) -> LinkState:
    return LinkState(
        reservation_id=link.reservation_id,
        applied_modified_at=link.applied_modified_at,
        applied_hash=link.applied_hash,
        applied_cancelled=link.applied_cancelled,
        bases=link.bases,
    )
