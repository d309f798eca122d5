"""Whether anything may be sent: not from connecting, resuming or mapping on until both sides agree.

What is held waits in the log. Opening it, once a parity check is clean or a person has accepted its report, wakes that.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Value, When
from django.db.models.functions import Coalesce, Now

from channel_sync.errors import NotYet, WaitsFor
from channel_sync.events.store import wake
from channel_sync.models import (
    ChannelMapping,
    ChannelProperty,
    MappingType,
    OldBookings,
    ParityCheck,
    ParityReason,
    ParityStatus,
)
from channel_sync.models.parity import UNSETTLED

PARITY_TASK = "channel_sync.parity"
# Opening wakes what waits.
HELD_RETRY = timedelta(hours=1)
# Of two reasons for one check the one that compares more is kept; of two that compare as much, the later one.
STRENGTH = {ParityReason.MAPPED: 0, ParityReason.RESUMED: 1, ParityReason.CONNECTED: 2, ParityReason.MOVED: 2}


def hold_property(
    channel_property: ChannelProperty, reason: ParityReason, *, by: str, accept_as: OldBookings | None = None
) -> None:
    """Send nothing of a property until its parity check is accepted; with `accept_as` it is, whatever it says.

    In the transaction of what makes it necessary.
    """
    with transaction.atomic():
        ChannelProperty.objects.filter(id=channel_property.id).update(held_since=Coalesce("held_since", Now()))
        want_check(channel_property, reason, by=by, accept_as=accept_as)
    channel_property.refresh_from_db(fields=["held_since"])


def hold_mapping(mapping: ChannelMapping, *, by: str, accept: bool = False) -> None:
    """Send nothing of a new or changed mapping until a parity check of it is accepted.

    With `accept` it is, whatever it says, unless other mappings wait for a person in the same check.
    """
    with transaction.atomic():
        ChannelMapping.objects.filter(id=mapping.id).update(held_since=Coalesce("held_since", Now()))
        unsettled = ParityCheck.objects.filter(channel_property=mapping.channel_property, status__in=UNSETTLED)
        is_accepted = accept and not unsettled.filter(accept_as="").exists()
        accept_as = OldBookings.LINK_AND_SEND if is_accepted else None
        want_check(mapping.channel_property, ParityReason.MAPPED, by=by, accept_as=accept_as)
    mapping.refresh_from_db(fields=["held_since"])


def look_again(channel_property: ChannelProperty) -> None:
    """Have a property that is held compared with a mapping that its report does not know.

    A report that is accepted beforehand stays so; one that a person has seen is to be seen again.
    """
    unsettled = ParityCheck.objects.filter(channel_property=channel_property, status__in=UNSETTLED)
    unsettled.exclude(status=ParityStatus.WANTED).update(accept_as="")
    unsettled.update(status=ParityStatus.WANTED, due_at=Now(), updated_at=Now())


def want_check(
    channel_property: ChannelProperty, reason: ParityReason, *, by: str, accept_as: OldBookings | None = None
) -> None:
    """Have both sides compared, or compared again: what was reported before does not count any more.

    A check that is not settled yet takes the reason over where that compares more than its own.
    """
    weaker = [one for one, strength in STRENGTH.items() if strength <= STRENGTH[reason]]
    made_again = ParityCheck.objects.filter(channel_property=channel_property, status__in=UNSETTLED).update(
        reason=Case(When(reason__in=weaker, then=Value(reason.value)), default="reason"),
        status=ParityStatus.WANTED,
        due_at=Now(),
        accept_as=accept_as or "",
        failures=0,
        last_error="",
        updated_at=Now(),
    )
    if not made_again:
        ParityCheck.objects.create(
            channel_property=channel_property,
            reason=reason,
            due_at=Now(),
            accept_as=accept_as or "",
            requested_by=by[:150],
        )


def is_being_compared(channel_property: ChannelProperty) -> bool:
    """Whether a property is held, and nobody has accepted its report yet."""
    return (
        channel_property.held_since is not None
        and ParityCheck.objects.filter(
            channel_property=channel_property, status__in=(ParityStatus.WANTED, ParityStatus.WAITING)
        ).exists()
    )


def require_open(channel_property: ChannelProperty) -> None:
    """Raise `NotYet` while the property is held."""
    if channel_property.held_since is not None:
        raise NotYet(
            f"Nothing is sent of {channel_property} yet: look at its parity check, and accept its report.",
            retry_after=HELD_RETRY,
            waits_for=WaitsFor.PARITY,
        )


def require_open_mapping(channel_property: ChannelProperty, internal_id: UUID | None) -> None:
    """Raise `NotYet` while the mapping of a room type or rate plan is held."""
    if internal_id is not None and internal_id in held(channel_property, [internal_id]):
        raise NotYet(
            f"The mapping of {internal_id} is new or changed, and nothing is sent of it yet: look at the parity check "
            f"of {channel_property}, and accept its report.",
            retry_after=HELD_RETRY,
            waits_for=WaitsFor.PARITY,
        )


def held(channel_property: ChannelProperty, internal_ids: Collection[UUID] | None = None) -> set[UUID]:
    """Room types and rate plans whose mapping is held."""
    found = ChannelMapping.objects.filter(
        channel_property=channel_property,
        mapping_type__in=[MappingType.ROOM_TYPE, MappingType.RATE],
        is_active=True,
        held_since__isnull=False,
    )
    if internal_ids is not None:
        found = found.filter(internal_id__in=internal_ids)
    return set(found.values_list("internal_id", flat=True))


def open_up(channel_property: ChannelProperty) -> None:
    """What was held may be sent, and what waits is woken; the check is done. In the transaction of the caller."""
    ChannelProperty.objects.filter(id=channel_property.id).update(held_since=None, rooms_closed=False)
    ChannelMapping.objects.filter(channel_property=channel_property, held_since__isnull=False).update(held_since=None)
    ParityCheck.objects.filter(channel_property=channel_property, status=ParityStatus.OPENING).update(
        status=ParityStatus.DONE, due_at=None, updated_at=Now()
    )
    wake(channel_property.id)
