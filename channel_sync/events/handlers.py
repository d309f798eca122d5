"""What is done with an event of each type, and what follows when it fails: one table for both directions.

The table is filled when the apps are ready, from above: the log knows neither the PMS nor a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from channel_sync.errors import Fatal
from channel_sync.models import ChannelEvent

Apply = Callable[[ChannelEvent], None]
OnFailure = Callable[[ChannelEvent, Exception], None]


def nothing_more(event: ChannelEvent, error: Exception) -> None:
    """A failure of which nothing follows but that somebody has to look at it."""


@dataclass(frozen=True)
class Handler:
    """`apply` commits its effect together with the end of the event; it raises when there is none.

    `on_failure` runs in the transaction that fails the event, whoever fails it: a worker, or the rescue of one that
    died at its last attempt.
    """

    apply: Apply
    on_failure: OnFailure = nothing_more


_handlers: dict[str, Handler] = {}


def register(handlers: Mapping[str, Handler]) -> None:
    """Fill the table; once, when the apps are ready."""
    _handlers.update(handlers)


def handler_of(event_type: str) -> Handler:
    """The handler of a type of event; one that fails every event of a type nobody knows."""
    return _handlers.get(event_type, _UNKNOWN)


def _refuse(event: ChannelEvent) -> None:
    raise Fatal(f"Nothing handles events of type '{event.event_type}'. Ignore the event.")


_UNKNOWN = Handler(_refuse)
