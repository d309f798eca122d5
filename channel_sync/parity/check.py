"""Make a parity check: compare both sides, keep the report, and go live where nobody has to be asked."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from channel_sync.database_lock import session_lock
from channel_sync.models import ChannelProperty, OldBookings, ParityCheck, ParityStatus
from channel_sync.models.parity import UNSETTLED
from channel_sync.parity.bookings import compare_bookings
from channel_sync.parity.calendar import compare_prices, compare_units
from channel_sync.parity.report import ParityReport
from channel_sync.parity.scope import Scope, scope_of
from channel_sync.parity.settlement import begin_opening
from channel_sync.parity.setup import compare_setup
from channel_sync.reconciliation.failure_reason import reason_of
from channel_sync.reconciliation.runs import Progress, silent
from channel_sync.reconciliation.spare_calls import Wait, sleep

logger = logging.getLogger(__name__)

# Between the attempts of a check that goes on failing: 1, 2, 4 minutes and so on.
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
DOUBLED_AT_MOST = 6
# A check that a dead process was making is made again then.
UNDER_WAY = timedelta(minutes=10)
NO_REASON = "it is clean"


def unsettled_check(channel_property: ChannelProperty) -> ParityCheck | None:
    """The check that is still to be made, accepted or carried out."""
    return ParityCheck.objects.filter(channel_property=channel_property, status__in=UNSETTLED).first()


def make_check(
    channel_property: ChannelProperty, *, wait: Wait = sleep, progress: Progress = silent
) -> ParityCheck | None:
    """Compare both sides where that is wanted; the check, as it stands afterwards, or None where there is none.

    A report that is clean, or accepted beforehand, begins to open the property: its status says so. Makes
    calls; runs outside a transaction. Raises `NotYet` while another process makes it, and what calls raise: the check
    is then made again after a pause.
    """
    with session_lock("the parity check", channel_property.id, wait=timedelta(milliseconds=1)):
        check = unsettled_check(channel_property)
        if check is None or check.status != ParityStatus.WANTED:
            return check
        ParityCheck.objects.filter(id=check.id).update(due_at=Now() + UNDER_WAY)
        check.refresh_from_db(fields=["due_at"])
        try:
            report = compare_sides(scope_of(channel_property, check.reason), wait=wait, progress=progress)
        except Exception as error:
            _note_failure(check, error)
            raise
        with transaction.atomic():
            locked = ParityCheck.objects.select_for_update().get(id=check.id)
            # Wanted again meanwhile, it is due at another time: what was compared does not know why.
            if locked.status != ParityStatus.WANTED or locked.due_at != check.due_at:
                return locked
            locked.report, locked.status, locked.due_at = report.model_dump(mode="json"), ParityStatus.WAITING, None
            locked.failures, locked.last_error = 0, ""
            locked.save()
            ParityCheck.objects.filter(id=check.id).update(made_at=Now(), updated_at=Now())
            if locked.accept_as:
                begin_opening(locked, OldBookings(locked.accept_as), by=locked.requested_by)
            elif report.is_clean:
                begin_opening(locked, OldBookings.LINK_AND_SEND, by=NO_REASON)
        locked.refresh_from_db()
        return locked


def compare_sides(scope: Scope, *, wait: Wait = sleep, progress: Progress = silent) -> ParityReport:
    """What each side would change. Reads, page by page, and notes the currency. Raises what calls raise."""
    setup, unmapped = compare_setup(scope, wait=wait)
    compared = compare_bookings(scope, wait=wait, progress=progress)
    units = list(compare_units(scope, compared.coming, wait=wait))
    progress("room types compared", len(scope.rooms))
    prices = list(compare_prices(scope, wait=wait))
    progress("rate plans compared", len(scope.plans))
    return ParityReport(
        setup=tuple(setup),
        unmapped=tuple(unmapped),
        bookings=compared.report,
        lowered=tuple(one for one in units if (one.channel or 0) > one.pms),
        raised=tuple(one for one in units if (one.channel or 0) < one.pms),
        prices=tuple(prices),
        last_night=scope.last_night,
    )


def _note_failure(check: ParityCheck, error: Exception) -> None:
    """Wanted again meanwhile, it is due at another time, and that stands."""
    pause = min(FIRST_PAUSE * 2 ** min(check.failures, DOUBLED_AT_MOST), LONGEST_PAUSE)
    put_off = ParityCheck.objects.filter(id=check.id, status=ParityStatus.WANTED, due_at=check.due_at).update(
        due_at=Now() + pause, failures=check.failures + 1, last_error=reason_of(error), updated_at=Now()
    )
    if not put_off:
        logger.warning(
            "the parity check of %s failed, and was wanted again meanwhile: %s", check.channel_property_id, error
        )
        return
    logger.warning("the parity check of %s is made again in %s: %s", check.channel_property_id, pause, error)
