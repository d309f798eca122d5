"""Read the reservations of a run from the PMS, in the order of their ids; one that cannot be read costs no other.

They are streamed. A stream that fails cannot go on, so the rest is then read by ids: those that the staged bookings are
linked to, and those that take a mapped room. What only the stream knows, such as a cancelled reservation without a
link, a comparison has no use for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.connections.mapped_rooms import every_channel_room
from channel_sync.database_errors import DATABASE_FAULTS
from channel_sync.errors import NotYet, ReservationsUnreadable
from channel_sync.models import ReconciliationRun, ReservationLink, StagedBooking
from channel_sync.pms import Reservation, host_pms
from channel_sync.reconciliation.failure_reason import place_of
from channel_sync.reconciliation.runs import WHOLE

logger = logging.getLogger(__name__)

CHUNK = 500
# More of them are no fault of single reservations.
UNREADABLE_AT_MOST = 100
# Who came earlier and is in house still is looked at only where the channel has the booking.
LONGEST_STAY = timedelta(days=400)


@dataclass(frozen=True)
class Unreadable:
    """A reservation that the PMS has and cannot describe."""

    id: UUID


class ReservationReader:
    """The reservations of one run, read once."""

    def __init__(self, run: ReconciliationRun) -> None:
        self._run = run
        self._fault: ReservationsUnreadable | None = None

    def __iter__(self) -> Iterator[Reservation | Unreadable]:
        run, last = self._run, None
        property_id = run.channel_property.property_id
        first = run.window_start - LONGEST_STAY if WHOLE in run.cursor else run.window_start
        try:
            for reservation in host_pms().arriving_reservations(property_id, first, run.window_end):
                last = reservation.id
                if self._is_of_run(reservation.check_in, reservation.check_out):
                    yield reservation
        except (NotYet, *DATABASE_FAULTS):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a host raises
            self._log("arriving_reservations", error)
            self._fault = ReservationsUnreadable("arriving_reservations", error)
        if self._fault is not None:
            yield from self._by_ids(last)

    def require_sound(self) -> None:
        """Raises `ReservationsUnreadable` when the stream failed and no single reservation was to blame."""
        if self._fault is not None:
            raise self._fault

    def _by_ids(self, last: UUID | None) -> Iterator[Reservation | Unreadable]:
        wanted = sorted(found for found in self._ids() if last is None or found > last)
        unreadable = 0
        for start in range(0, len(wanted), CHUNK):
            for found in self._read(wanted[start : start + CHUNK]):
                if isinstance(found, Unreadable):
                    unreadable += 1
                    if unreadable > UNREADABLE_AT_MOST:
                        self.require_sound()
                yield found
        if unreadable:
            self._fault = None

    def _ids(self) -> set[UUID]:
        run = self._run
        staged = StagedBooking.objects.filter(run=run).values("external_id")
        linked = ReservationLink.objects.filter(
            channel_property=run.channel_property, external_id__in=staged, reservation__isnull=False
        )
        found: set[UUID] = set(linked.values_list("reservation_id", flat=True))
        rooms = every_channel_room(run.channel_property)
        if rooms:
            taking = host_pms().reserved(list(rooms), run.window_start, run.window_end + ONE_NIGHT)
            found.update(row[0] for row in taking.iterator() if self._is_of_run(row[2], row[3]))
        return found

    def _is_of_run(self, check_in: date, check_out: date) -> bool:
        """Whether a stay arrives in the window; in a run of the whole calendar also whether its guest is in house."""
        run = self._run
        if WHOLE in run.cursor:
            return check_in <= run.window_end and check_out > run.window_start
        return run.window_start <= check_in <= run.window_end

    def _read(self, ids: Sequence[UUID]) -> Iterator[Reservation | Unreadable]:
        """Together, or where that fails each by itself."""
        try:
            together: Mapping[UUID, Reservation] = host_pms().reservations(ids)
        except (NotYet, *DATABASE_FAULTS):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a host raises
            self._log("reservations", error)
            yield from filter(None, map(self._read_one, ids))
        else:
            yield from (together[found] for found in ids if found in together)

    def _read_one(self, reservation_id: UUID) -> Reservation | Unreadable | None:
        try:
            return host_pms().reservation(reservation_id)
        except (NotYet, *DATABASE_FAULTS):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a host raises
            self._log(f"reservation {reservation_id}", error)
            return Unreadable(reservation_id)

    def _log(self, what: str, error: Exception) -> None:
        """The text of a host's error may name a guest."""
        logger.error(
            "%s of the host's port raised %s, run %s goes on without:\n%s",
            what, type(error).__name__, self._run.id, place_of(error),
        )  # fmt: skip
