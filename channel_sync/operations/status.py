"""How a property stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channel_sync.connections.secrets import unreadable_secret
from channel_sync.models import (
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Conflict,
    ConflictStatus,
    EventStatus,
)
from channel_sync.operations.completeness import MappingCompleteness, mapping_completeness
from channel_sync.operations.not_in_pms import NotInPmsYet, not_in_pms_yet
from channel_sync.operations.pausing import Pause, pause_of

FAILED_WITHIN = timedelta(hours=24)


class Standing(StrEnum):
    """How a property stands with its channel, in words."""

    CONNECTED = "connected"
    PAUSED = "paused"
    LOGIN_REFUSED = "login refused"
    SECRET_UNREADABLE = "secret unreadable"  # noqa: S105 - a state, no secret
    CHANNEL_AWAY = "channel does not answer"
    NOT_LIVE = "not live yet"
    NOT_CONNECTED = "not connected"

    @property
    def next_step(self) -> str:
        """What to do about it; empty when it is as it should be."""
        return NEXT_STEPS[self]


NEXT_STEPS: Mapping[Standing, str] = {
    Standing.CONNECTED: "",
    Standing.PAUSED: "Somebody has paused it: resume it on its page in the admin, and what waits goes out.",
    Standing.LOGIN_REFUSED: "'Resume' on its page in the admin tries the login once more; else make a new invite code "
    "at the channel and run 'manage.py channel_sync_connect'.",
    Standing.SECRET_UNREADABLE: "Its tokens were encrypted with another SECRET_KEY or SALT_KEY: put the old SALT_KEY "
    "behind the new one, an old SECRET_KEY into SECRET_KEY_FALLBACKS, and restart; or connect it again.",
    Standing.CHANNEL_AWAY: "Wait: its events go out when the channel is back. Until then watch for overbookings.",
    Standing.NOT_LIVE: "Both sides were not compared, or nobody has accepted the report: 'Compare before going live' "
    "on its page in the admin, or 'manage.py channel_sync_parity'.",
    Standing.NOT_CONNECTED: "Connect it with 'manage.py channel_sync_connect'.",
}


@dataclass(frozen=True)
class PropertyStatus:
    """One property at one channel."""

    channel_property: ChannelProperty
    standing: Standing
    is_connected: bool
    unavailable_since: datetime | None
    failed_events_24h: int
    open_conflicts: int
    completeness: MappingCompleteness
    pause: Pause | None
    not_in_pms: NotInPmsYet


def channel_properties_of(identity: UUID) -> QuerySet[ChannelProperty]:
    """The channel properties of a PMS property, or the one that has this id, the oldest first."""
    return ChannelProperty.objects.filter(Q(id=identity) | Q(property=identity)).order_by("created_at", "id")


def property_status(channel_property: ChannelProperty) -> PropertyStatus:
    """Connected means: it is active, has a login, and the channel answered when it was last asked."""
    account = ChannelAccount.objects.filter(connections__channel_property=channel_property).first()
    unavailable_since = account.unavailable_since if account is not None else None
    return PropertyStatus(
        channel_property=channel_property,
        standing=_standing(channel_property, account),
        is_connected=account is not None
        and unavailable_since is None
        and channel_property.status == ChannelPropertyStatus.ACTIVE,
        unavailable_since=unavailable_since,
        failed_events_24h=ChannelEvent.objects.filter(
            channel_property=channel_property,
            status=EventStatus.FAILED,
            received_at__gte=Now() - FAILED_WITHIN,
        ).count(),
        open_conflicts=Conflict.objects.filter(channel_property=channel_property, status=ConflictStatus.OPEN).count(),
        completeness=mapping_completeness(channel_property),
        pause=pause_of(channel_property),
        not_in_pms=not_in_pms_yet(channel_property),
    )


def _standing(channel_property: ChannelProperty, account: ChannelAccount | None) -> Standing:
    """What somebody has to act on goes before what only has to be waited for."""
    if account is None:
        return Standing.NOT_CONNECTED
    if channel_property.status == ChannelPropertyStatus.INACTIVE:
        return Standing.PAUSED
    if unreadable_secret(ChannelConnection.objects.filter(channel_property=channel_property)) is not None:
        return Standing.SECRET_UNREADABLE
    if channel_property.status == ChannelPropertyStatus.ERROR:
        return Standing.LOGIN_REFUSED
    if channel_property.held_since is not None:
        return Standing.NOT_LIVE
    return Standing.CONNECTED if account.unavailable_since is None else Standing.CHANNEL_AWAY
