"""Erase a guest: who they are goes, what was booked stays; what is still needed is refused, and says why.

Each booking by itself, in transactions of `BATCH` events under the lock that its webhooks are applied under. An erasure
that dies is begun again, and goes on with what is left; one that is made twice finds nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import CharField, JSONField, Model, TextField

from channel_sync.conflicts import without_guest
from channel_sync.database_clock import database_now
from channel_sync.database_lock import lock_in_transaction
from channel_sync.models import AuditAction, CapturedChange, ChannelEvent, ReservationLink, StagedBooking, StoredAnswer
from channel_sync.operations.audit import note
from channel_sync.operations.guest_data_names import names_of
from channel_sync.operations.guest_data_obstacles import obstacles
from channel_sync.operations.guest_data_places import (
    alerts_of,
    answers_about,
    audit_of,
    changes_of,
    conflicts_of,
    events_of,
    inventory_naming,
    rows_about,
)
from channel_sync.operations.guest_data_search import GuestBooking
from channel_sync.operations.guest_data_words import Names
from channel_sync.personal_data import redact, without_digests, without_personal_data

BATCH = 200
# Of the details of an audit entry: words of ours, which the program reads again.
CODES = frozenset({"outcome", "report", "kind", "ids"})
Progress = Callable[[int], None]

MEANS = (
    "Names, addresses, comments and notes are taken out of what is kept here; nights, units, prices and numbers stay. "
    "It cannot be undone.",
    "Events of the channel that name the guest no more can be neither retried nor replayed.",
    "Erase the guest at the channel first: a webhook or a comparison that brings the booking again brings its guest.",
    "The guest of the PMS itself stays: erase it there too.",
)


@dataclass(frozen=True)
class Erased:
    """What came of one booking: rows that changed, by table; or why it is left as it is."""

    booking: GuestBooking
    rows: Mapping[str, int] = field(default_factory=dict)
    refused: Sequence[str] = ()

    @property
    def total(self) -> int:
        """How many rows changed."""
        return sum(self.rows.values())


def erasing_means(bookings: Sequence[GuestBooking]) -> list[str]:
    """What an erasure would do, with counts, for whoever is asked to confirm it."""
    kept: Counter[str] = Counter()
    refused = []
    for one in bookings:
        if reasons := obstacles(one):
            refused.append(f"{one} is left as it is: {' '.join(reasons)}")
        else:
            kept.update({table: count for table, rows in rows_about(one).items() if (count := rows.count())})
    counts = ", ".join(f"{count} of {table}" for table, count in sorted(kept.items()))
    erased = len(bookings) - len(refused)
    first = f"{erased} of {len(bookings)} bookings are erased; the rows that are kept of them: {counts or 'none'}."
    return [first, *refused, *MEANS]


def erase_guest(bookings: Sequence[GuestBooking], *, by: str, progress: Progress = lambda done: None) -> list[Erased]:
    """Erase the guest from everything that is kept of these bookings; what came of each.

    Who erased which booking is kept in the audit. One that is still needed is refused: `obstacles`.
    """
    return [_erase(one, by, progress) for one in bookings]


def _erase(booking: GuestBooking, by: str, progress: Progress) -> Erased:
    names = names_of(booking)
    rows: Counter[str] = Counter()
    after: UUID | None = None
    while True:
        with transaction.atomic():
            lock_in_transaction("booking", booking.channel_property.id, booking.external_id)
            if reasons := obstacles(booking):
                return Erased(booking, dict(rows), reasons)
            batch = _batch(booking, after)
            changed = Counter({ChannelEvent._meta.db_table: _events(batch, names)})
            if len(batch) < BATCH:
                changed.update(_beside_events(booking, names))
            changed = +changed
            if changed:
                note(
                    by, AuditAction.GUEST_ERASED, booking.subject,
                    channel_property_id=booking.channel_property.id, rows=dict(changed),
                )  # fmt: skip
        rows.update(changed)
        progress(len(batch))
        if len(batch) < BATCH:
            return Erased(booking, dict(rows))
        after = batch[-1].id


def _batch(booking: GuestBooking, after: UUID | None) -> list[ChannelEvent]:
    found = events_of(booking).order_by("id")
    found = found if after is None else found.filter(id__gt=after)
    return list(found.select_related("channel_property").select_for_update(of=("self",))[:BATCH])


def _events(events: Sequence[ChannelEvent], names: Names) -> int:
    """The payloads of those that still name the guest; what their errors and warnings quote of the names."""
    naming = [event for event in events if event.redacted_at is None]
    redact(naming, database_now())
    quoting = []
    for event in events:
        words = names.taken_out(event.last_error), names.taken_out(event.warnings)
        if words != (event.last_error, event.warnings):
            event.last_error, event.warnings = words
            quoting.append(event)
    ChannelEvent.objects.bulk_update(quoting, ["last_error", "warnings"])
    return len({event.id for event in (*naming, *quoting)})


def _beside_events(booking: GuestBooking, names: Names) -> Counter[str]:
    changed: Counter[str] = Counter()

    def write(row: Model, **columns: object) -> None:
        different = {name: value for name, value in columns.items() if getattr(row, name) != value}
        if different:
            type(row)._default_manager.filter(pk=row.pk).update(**different)
            changed[row._meta.db_table] += 1

    found = rows_about(booking)
    for link in found[ReservationLink._meta.db_table].select_for_update():
        write(link, bases=without_digests(link))
    for staged in found[StagedBooking._meta.db_table]:
        write(staged, payload=without_personal_data(booking.channel_property.channel_name, staged.payload))
    for conflict in conflicts_of(booking).select_for_update():
        write(
            conflict,
            pms_side=names.taken_out(without_guest(conflict.pms_side)),
            channel_side=names.taken_out(without_guest(conflict.channel_side)),
        )
    for change in changes_of(booking).select_for_update():
        write(change, old_row=_without_texts(change, change.old_row), new_row=_without_texts(change, change.new_row))
    forgotten = answers_about(booking).delete()[0]
    if forgotten:
        changed[StoredAnswer._meta.db_table] += forgotten
    for row, columns in _quoting(booking, names):
        write(row, **columns)
    return changed


def _quoting(booking: GuestBooking, names: Names) -> Iterator[tuple[Model, dict[str, object]]]:
    """Rows that may quote what the guest is called, each with its words without that."""
    for event in inventory_naming(booking, names.known).select_for_update():
        yield event, {"payload": names.taken_out(event.payload)}
    for alert in alerts_of(booking):
        yield alert, {"message": names.taken_out(alert.message)}
    for entry in audit_of(booking):
        words = {name: value for name, value in entry.details.items() if name not in CODES}
        yield entry, {"details": {**entry.details, **names.taken_out(words)}}


def _without_texts(change: CapturedChange, row: dict[str, object] | None) -> dict[str, object] | None:
    """A row of the host without what people have written: of its columns nobody here knows which are about the guest.

    The same in both states, so that what else has changed still becomes its events; they are sent as the reservation
    is now.
    """
    if row is None:
        return None
    texts = {
        str(column.column)
        for column in apps.get_model(change.model)._meta.concrete_fields
        if isinstance(column, CharField | TextField | JSONField) and not column.choices and not column.primary_key
    }
    return {name: value for name, value in row.items() if name not in texts}
