"""`manage.py pms_demo_data`: a hotel to try things with."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from pms_project.pms.models import HotelSettings, RatePlan, Room, RoomType
from pms_project.pms.services.rates import RateChange, set_rates

ROOM_TYPES = (("Double Room", 10, Decimal(120)), ("Single Room", 5, Decimal(80)), ("Suite", 2, Decimal(260)))
NIGHTS = 365


class Command(BaseCommand):
    """Makes what is missing; running it again changes nothing."""

    help = "Create a demo hotel with three room types, rooms, rate plans and rates; prints ids, and a login, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """The login."""
        parser.add_argument("--login", help="also make a login of this name that may do everything")
        parser.add_argument("--password", help="its password; a random one, printed once, where none is given")
        parser.add_argument("--force", action="store_true", help="make the login although DEBUG is off")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Print ids and the login as JSON."""
        if options["login"] and not (settings.DEBUG or options["force"]):
            raise CommandError(
                "No login was made: it may do everything, and DEBUG is off. Use 'manage.py createsuperuser' for an "
                "installation that is to stay, or pass --force for a demo."
            )
        printed = {"login": _login(options["login"], options["password"])} if options["login"] else {}
        hotel, _ = HotelSettings.objects.get_or_create(
            name="Harbour View Hotel", defaults={"time_zone": "Europe/Berlin"}
        )
        room_types = {name: str(self._room_type(hotel, name, units, price).id) for name, units, price in ROOM_TYPES}
        self.stdout.write(json.dumps({"property": str(hotel.id), "room_types": room_types, **printed}))

    def _room_type(self, hotel: HotelSettings, name: str, units: int, price: Decimal) -> RoomType:
        room_type, created = RoomType.objects.get_or_create(hotel=hotel, name=name, defaults={"units": units})
        if created:
            floor = RoomType.objects.filter(hotel=hotel).count()
            Room.objects.bulk_create(
                Room(room_type=room_type, number=f"{floor}{number:02}") for number in range(1, units + 1)
            )
            plan = RatePlan.objects.create(room_type=room_type, name="Standard")
            today = timezone.localdate()
            set_rates([RateChange(plan.id, today, today + timedelta(days=NIGHTS), price)])
        return room_type


def _login(username: str, password: str | None) -> dict[str, str | None]:
    """Make a superuser; the password is None where it was given, or the login there before."""
    user, created = get_user_model().objects.get_or_create(
        username=username, defaults={"is_staff": True, "is_superuser": True}
    )
    if not created:
        return {"username": username, "password": None}
    chosen = password or secrets.token_urlsafe(12)
    user.set_password(chosen)
    user.save()
    return {"username": username, "password": None if password else chosen}
