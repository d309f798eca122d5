"""Make the hotel; prints ids as JSON, as `pms_demo_data` does."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from tests.second_host.lodge.models import Hotel, RoomKind

KINDS = (("Double Room", 10), ("Single Room", 5), ("Suite", 2))


class Command(BaseCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        hotel = Hotel.objects.create(title="Lodge")
        kinds = {label: str(RoomKind.objects.create(house=hotel, label=label, quantity=n).pk) for label, n in KINDS}
        self.stdout.write(json.dumps({"property": str(hotel.pk), "room_types": kinds}))
