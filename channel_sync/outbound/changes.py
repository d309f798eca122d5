"""Turn captured rows into events, and rows and events change together: a rollback brings the rows back.

The captured rows are the truth, signals are the fast path: a save takes its own rows at once, the relay takes the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Model

from channel_sync.capture.rows import ATTEMPTS, CapturedRow, keep_links, postpone, take_due, take_ids, take_of_row
from channel_sync.capture.states import our_schema
from channel_sync.conf import channel_sync_settings
from channel_sync.correlation import correlated, correlation_id
from channel_sync.models import ReservationLink
from channel_sync.origin import attributed_to, change_origin
from channel_sync.outbound.enqueue import (
    ReservationChange,
    record_availability,
    record_rates,
    record_reservation_changes,
)
from channel_sync.outbound.removed_rates import request_removal_of_gone_plans
from channel_sync.outbound.row_changes import (
    Instances,
    RowChange,
    reservation_model,
    row_changes,
    spans_of,
    what_can_be_made,
    without_owner,
)
from channel_sync.outbound.spans import merged
from channel_sync.pms import host_pms

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Consumed:
    """How many captured rows were taken, how many of the due ones were put off, and the new events to be published."""

    taken: int = 0
    put_off: int = 0
    events: int = 0

    def __add__(self, other: Consumed) -> Consumed:
        return Consumed(self.taken + other.taken, self.put_off + other.put_off, self.events + other.events)


def consume_captured() -> Consumed:
    """Turn all captured rows that are due into events, batch by batch; what came of them.

    A row that goes wrong is put off, and its neighbours are not. Does nothing while the setting `capture` is off, or
    before the migrations.
    """
    settings = channel_sync_settings()
    if not settings.capture or our_schema() is None:
        return Consumed()
    total = Consumed()
    while (consumed := _consume_batch(settings.relay_batch)) != Consumed():
        total += consumed
    return total


def consume_saved(instance: Model, links: Sequence[UUID] = ()) -> bool:
    """Turn the captured rows of an instance that was just saved or deleted into events; false when there were none.

    All of them share a correlation id. In autocommit this is one transaction after that of the row. `links` are those
    that a deleted reservation had. What goes wrong does not keep the host from saving: the rows are left to the relay.
    """
    rows: list[CapturedRow] = []
    try:
        with transaction.atomic():
            rows = take_of_row(instance._meta.label, str(instance.pk))
            if rows:
                _record_saved(rows, instance, links)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever the host's code raises, it has its row
        if not rows:
            return False
        _log_kept(rows[0], error)
        if links:
            keep_links(rows[-1].id, links)
    return bool(rows)


def _record_saved(rows: list[CapturedRow], instance: Model, links: Sequence[UUID]) -> None:
    # In autocommit the transaction of the row does not know whom it was made for.
    rows[-1] = replace(rows[-1], origin=rows[-1].origin or change_origin())
    changes = row_changes(rows)
    for change in changes[-1:]:
        change.is_save = True
        change.links = tuple(links) or change.links
    with correlated(correlation_id()):
        for origin, of_origin in _grouped(changes, lambda change: change.origin):
            _record(of_origin, origin, like=instance)


def _consume_batch(limit: int) -> Consumed:
    """One batch of what is due; nothing came of it when nothing is."""
    rows: list[CapturedRow] = []
    try:
        with transaction.atomic():
            rows = take_due(limit)
            return Consumed(taken=len(rows), events=_record_found(rows))
    except Exception:
        if not rows or not connection.is_usable():
            raise
    return sum(
        (_consume_alone(of_row) for _, of_row in _grouped(rows, lambda row: (row.model, row.row_pk))), Consumed()
    )


def _consume_alone(rows: Sequence[CapturedRow]) -> Consumed:
    """The rows of one row of the host; their error is theirs alone, unless the database is gone."""
    ids = [row.id for row in rows]
    try:
        with transaction.atomic():
            found = take_ids(ids)
            return Consumed(taken=len(found), events=_record_found(found))
    except Exception as error:
        if not connection.is_usable():
            raise
        if postpone(ids, type(error).__name__):
            _log_left(rows[0], error)
        else:
            _log_kept(rows[0], error)
    return Consumed(put_off=len(rows))


def _log_kept(row: CapturedRow, error: Exception) -> None:
    """Without the message of the error, which may name a guest."""
    logger.warning(
        "a change of %s %s made no event yet, it is tried again: %s", row.model, row.row_pk, type(error).__name__
    )


def _log_left(row: CapturedRow, error: Exception) -> None:
    """Without the message of the error, too."""
    logger.error(
        "a change of %s %s made no event in %d attempts and is left: %s. Correct the row or the host's port, "
        "then run 'manage.py channel_sync_capture retry'.",
        row.model,
        row.row_pk,
        ATTEMPTS,
        type(error).__name__,
    )


def _record_found(rows: Sequence[CapturedRow]) -> int:
    """Rows that no signal took; what one transaction wrote shares a correlation id."""
    events = 0
    for (origin, _), together in _grouped(row_changes(rows), lambda change: (change.origin, change.transaction_id)):
        with correlated(None):
            events += _record(together, origin)
    return events


def _record(changes: Sequence[RowChange], origin: UUID | None, like: Model | None = None) -> int:
    """Record the events of changes that were made for one origin; how many are to be published."""
    watched = host_pms().watched_models()
    instances = Instances(changes, like)
    of_reservations = [change for change in changes if change.model is reservation_model()]
    reservations = _seen_by_channels([(change, _described(change, instances)) for change in of_reservations])
    availability = merged(spans_of(changes, instances, watched.availability))
    orphans = without_owner(changes, instances, watched.rates)
    alone = set(map(id, orphans))
    owned = [change for change in changes if id(change) not in alone]
    rates = merged(spans_of(owned, instances, watched.rates))
    events = 0
    with attributed_to(origin):
        if reservations:
            events += record_reservation_changes(reservations)
        if availability:
            events += record_availability(availability)
        if rates:
            events += record_rates(rates)
        if orphans:
            events += request_removal_of_gone_plans()
    return events


def _described(change: RowChange, instances: Instances) -> ReservationChange:
    describe = host_pms().describe
    before, after = instances.before(change), instances.after(change)
    between = what_can_be_made(describe, instances.between(change))
    seen = ReservationChange(
        describe(before) if before is not None else None,
        describe(after) if after is not None else None,
        change.links,
        tuple(between),
    )
    # It came and went: what others may have found is gone.
    return replace(seen, before=between[-1]) if between and seen.before is None and seen.after is None else seen


def _seen_by_channels(changes: Sequence[tuple[RowChange, ReservationChange]]) -> list[ReservationChange]:
    """Without those, past any save, that changed columns of the host's own, of reservations that no channel has."""
    own = [
        seen.after.id
        for row, seen in changes
        if seen.after and seen.before == seen.after and not (seen.was_otherwise or row.is_save)
    ]
    linked = ReservationLink.objects.filter(reservation_id__in=own).values_list("reservation_id", flat=True)
    unseen = set(own).difference(linked) if own else set()
    return [seen for row, seen in changes if row.is_save or seen.after is None or seen.after.id not in unseen]


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> Iterable[tuple[Key, list[Item]]]:
    """Items by a key, in the order in which the keys appear."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.items()
