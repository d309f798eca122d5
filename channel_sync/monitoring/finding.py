"""What an alert rule finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from channel_sync.models import AlertKind, ChannelProperty

AT_ONCE = timedelta(0)
# Of one kind: what is wrong everywhere is no news from each.
AT_MOST = 100


@dataclass(frozen=True)
class Finding:
    """A condition that is true now, and how long it has to last before it is sent.

    `message` says what happened and what to do, without personal data.
    """

    kind: AlertKind
    message: str
    subject: str = ""
    lasts: timedelta = AT_ONCE
    channel_property: ChannelProperty | None = None
