"""A Celery worker without the merge: a push sends every field, and what a channel shows is applied whole."""

from __future__ import annotations

import sys
from typing import Any

from celery.__main__ import main


def install() -> None:
    """Take the merge out of the worker's code."""
    import django

    django.setup()
    from channel_sync.inbound import carrying
    from channel_sync.merge.fields import values_of
    from channel_sync.merge.three_way import Merged
    from channel_sync.outbound import booking_batch

    def everything(property_id: Any, link: Any, booking: Any, pms_now: Any) -> Merged:
        return Merged(to_pms={one: value for one, value in values_of(booking).items() if value != pms_now[one]})

    carrying.merged = everything  # type: ignore[assignment]

    def all_of_it(link: Any, channel_name: str, reservation: Any, external_room_id: str) -> Any:
        return values_of(reservation.push(external_room_id))

    booking_batch.unsent = all_of_it


if __name__ == "__main__":
    install()
    sys.argv[0] = "celery"
    sys.exit(main())
