"""What the processes have logged by now names no guest and no secret."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from channel_sync.models import ChannelAccount, ChannelEvent, ChannelMapping, EventStatus
from pms_project.local_services.stack import INVITE_CODE
from tests.end_to_end.installation import Installation

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

GUEST = {"firstName": "Zdenka", "lastName": "Quillfeather", "email": "zdenka@quillfeather.example", "phone": "5550199"}


def test_logs_name_neither_guests_nor_secrets(site: Installation) -> None:
    """A booking that arrives, one that fails, one with wrong data, a reservation that is sent, a refused login."""
    arrival = date.today() + timedelta(weeks=80)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
    site.beds24.book(roomId=int(site.rooms["Double Room"]), **stay, **GUEST)
    site.settle()
    suite = ChannelMapping.objects.get(external_id=site.rooms["Suite"])
    ChannelMapping.objects.filter(id=suite.id).update(is_active=False)
    refused = site.beds24.book(roomId=int(site.rooms["Suite"]), **stay, **GUEST)
    site.settle()
    failed = ChannelEvent.objects.filter(entity_external_id=str(refused["id"]), status=EventStatus.FAILED)
    assert failed.count() == 1
    suite.save()  # Active, as it was: the event that failed without it is worked again.
    site.eventually(lambda: not failed.exists(), "the booking that failed is worked")
    site.beds24.fail_next(kind="drop_before", path="/bookings", method="POST")
    made = site.pms.reserve(
        room_type=site.room_types["Double Room"],
        check_in=stay["arrival"],
        check_out=stay["departure"],
        guest={"first_name": GUEST["firstName"], "last_name": GUEST["lastName"], "email": GUEST["email"]},
    )
    site.eventually(lambda: site.pms.reservation(made["id"])["status"] == "CONFIRMED", "it is sent in the end", 60)
    account = ChannelAccount.objects.get()

    never = [*GUEST.values(), site.webhook_secret, account.refresh_token, account.access_token, INVITE_CODE]
    paths = [path for path in site.processes.log("web").parent.glob("*.log") if path.stem != "simulator"]
    logs = {path.name: path.read_text(errors="replace") for path in paths}

    assert {"web.log", "inbound_worker.log", "outbound_worker.log", "beat.log"} <= set(logs)
    assert "is tried again" in logs["outbound_worker.log"] + logs["inbound_worker.log"]
    found = [(name, secret) for name, log in logs.items() for secret in never if secret and str(secret) in log]
    assert found == []
