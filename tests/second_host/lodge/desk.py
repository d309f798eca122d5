"""The booking path of the lodge: no holds, a row counts from its first moment."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from channel_sync.host import TakenStay, sell
from tests.second_host.lodge.models import Stay


def make_stay(kind_id: UUID, first_night: date, *, nights: int, **columns: Any) -> Stay:
    """Raises `SoldOut`."""
    with sell(TakenStay(kind_id, first_night, first_night + timedelta(days=nights), 1)):
        return Stay.objects.create(kind_id=kind_id, first_night=first_night, nights=nights, **columns)
