"""The conflict that keeps what a channel wants of a stay that has begun or ended: one for each booking."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from channel_sync.conflicts import CHANGED, SENT, STANDS, close_gone, flag_conflict, pms_side
from channel_sync.inbound.clashes import outline_without
from channel_sync.merge.fields import Field, Values
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.pms import Reservation, StayPhase

logger = logging.getLogger(__name__)

KIND = ConflictKind.STAY_BEGUN
PHASE, DELETED = "phase", "deleted"


def keep_wish(
    channel_property: ChannelProperty,
    reservation: Reservation,
    phase: StayPhase,
    external_id: str,
    *,
    differs: Values,
    pms_now: Values,
    news: Collection[Field] = (),
    replaced: Collection[Field] = (),
    outline: Mapping[str, Any] | None = None,
) -> bool:
    """Bring the conflict of a booking up to date: it keeps the latest values, and closes when nothing differs.

    `differs` is all that the channel has otherwise, `news` what of it has just moved there and `replaced` what the PMS
    sends over it: that is kept until a person has seen it. Without an open conflict only news opens one. Whether one
    is open afterwards.
    """
    subject = subject_of(external_id)
    earlier = Conflict.objects.filter(
        channel_property=channel_property, kind=KIND, subject=subject, status=ConflictStatus.OPEN
    ).first()
    wanted, ours, sent = _kept(earlier, differs, pms_now, news)
    sent = {*sent, *replaced} & {*wanted}
    if not wanted:
        if earlier is not None:
            close_gone(Conflict.objects.filter(id=earlier.id))
        return False
    if news:
        logger.warning(
            "booking %s: the stay is %s, not taken over from the channel: %s",
            external_id, phase.value, ", ".join(sorted(news)),
        )  # fmt: skip
    flag_conflict(
        channel_property,
        KIND,
        Severity.HIGH,
        subject,
        pms_side={
            PHASE: phase.value,
            **outline_without(pms_side(reservation), ours),
            CHANGED: ours,
            STANDS: sorted(ours),
            **({SENT: sorted(sent)} if sent else {}),
        },
        channel_side={
            **outline_without(outline or {"booking_id": external_id}, wanted),
            CHANGED: wanted,
            STANDS: [],
        },
        is_news=True,
    )
    return True


def subject_of(external_id: str) -> str:
    """How the conflict names the booking."""
    return f"booking:{external_id}"


def is_dismissed(channel_property: ChannelProperty, external_id: str, differs: Values, pms_now: Values) -> bool:
    """Whether a person has left this very difference as it is."""
    wanted = {one.value: value for one, value in differs.items()}
    ours = {one.value: pms_now[one] for one in differs}
    dismissed = Conflict.objects.filter(
        channel_property=channel_property, kind=KIND, subject=subject_of(external_id), status=ConflictStatus.DISMISSED
    )
    return any(
        (theirs.get(CHANGED), here.get(CHANGED)) == (wanted, ours)
        for here, theirs in dismissed.values_list("pms_side", "channel_side")
    )


def _kept(
    earlier: Conflict | None, differs: Values, pms_now: Values, news: Collection[Field]
) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """What the channel wants and the PMS has instead, by field, and what of it was sent over the channel's value."""
    wanted = earlier.channel_side.get(CHANGED, {}) if earlier is not None else {}
    ours = earlier.pms_side.get(CHANGED, {}) if earlier is not None else {}
    sent = set(earlier.pms_side.get(SENT, [])) - {*news} if earlier is not None else set()
    still = {one: value for one, value in differs.items() if one in news or (one in wanted and one not in sent)}
    return (
        {**{one: wanted[one] for one in sent}, **{one.value: value for one, value in still.items()}},
        {**{one: ours[one] for one in sent}, **{one.value: pms_now[one] for one in still}},
        sent,
    )
