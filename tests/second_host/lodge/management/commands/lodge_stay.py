"""The front desk: make, move or cancel a stay with plain saves, or list them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.forms.models import model_to_dict

from channel_sync.models import ChannelEvent, Conflict
from tests.second_host.lodge.desk import make_stay
from tests.second_host.lodge.models import Stay


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["make", "lengthen", "cancel", "list"])
        parser.add_argument("--kind")
        parser.add_argument("--stay")
        parser.add_argument("--first-night", type=date.fromisoformat)

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"]
        if what == "list":
            stays = [model_to_dict(stay) for stay in Stay.objects.order_by("first_night")]
            events = [str(event.status) for event in ChannelEvent.objects.all()]
            told = {"stays": stays, "events": events, "conflicts": Conflict.objects.count()}
            self.stdout.write(json.dumps(told, default=str))
            return
        if what == "make":
            stay = make_stay(UUID(options["kind"]), options["first_night"], nights=2, who="Hopper", total=300)
        else:
            stay = Stay.objects.get(pk=options["stay"])
            stay.nights += what == "lengthen"
            stay.is_cancelled = what == "cancel"
            stay.save()
        self.stdout.write(str(stay.pk))
