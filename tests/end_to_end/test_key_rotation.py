"""SECRET_KEY and SALT_KEY are rotated under running processes, one after the other: no webhook and no token is lost."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from django.db.models.functions import Now
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelAccount, ChannelEvent, ChannelProperty, ChannelPropertyStatus, EventStatus
from pms_project.local_services.ports import accepts, wait_until
from pms_project.local_services.stack import DEVELOPMENT_KEY, WORKERS, start_beat, start_web, start_worker
from pms_project.pms.models import Reservation, ReservationStatus
from tests.beds24_webhooks import webhook
from tests.end_to_end.installation import Installation, installation, models_of

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

FIRST = 9_500_001
PAUSE_SECONDS = 0.3
NEW = {"SECRET_KEY": "the new secret key", "SALT_KEY": "the new salt"}
BOTH = {
    "SECRET_KEY": NEW["SECRET_KEY"],
    "SECRET_KEY_FALLBACKS": DEVELOPMENT_KEY,
    "SALT_KEY": f"{NEW['SALT_KEY']},{DEVELOPMENT_KEY}",
}


class Channel(threading.Thread):
    """Sends webhooks of new bookings all the time; one that gets no answer is sent again, as a channel does."""

    def __init__(self, site: Installation) -> None:
        super().__init__(daemon=True)
        self.answers: list[int] = []
        self._site = site
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            arrival = date.today() + timedelta(days=30 + len(self.answers) % 60)
            body = webhook(
                id=FIRST + len(self.answers),
                roomId=int(self._site.rooms["Double Room"]),
                arrival=str(arrival),
                departure=str(arrival + timedelta(days=1)),
            )
            while not self._is_answered(body):
                time.sleep(PAUSE_SECONDS)

    def end(self) -> None:
        self._is_over.set()
        self.join()

    def _is_answered(self, body: dict[str, object]) -> bool:
        try:
            self.answers.append(self._site.send_webhook(body))
        except requests.ConnectionError:
            # The server is being started again.
            return False
        return True


@pytest.fixture
def site(broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    running = installation(os.environ["DATABASE_URL"], broker_url, tmp_path)
    with running as site, django_db_blocker.unblock(), models_of(site):
        yield site


def start_again(site: Installation, keys: dict[str, str], state: Path) -> None:
    """Every process, one after the other, with these keys."""
    site.processes.environment.pop("SECRET_KEY_FALLBACKS", None)
    site.processes.environment.update(keys)
    port = urlsplit(site.web).port
    assert port is not None
    site.processes.stop("web")
    start_web(site.processes, port)
    wait_until(lambda: accepts("127.0.0.1", port), "The start of the web server", 30)
    for name, queues in WORKERS.items():
        site.processes.stop(name)
        start_worker(site.processes, name, queues)
    site.processes.stop("beat")
    start_beat(site.processes, state)


def expect_a_sale_with_a_new_token(site: Installation, night: int) -> None:
    """A reservation is booked at the channel by a worker that has to refresh its token first."""
    ChannelAccount.objects.update(access_token_expires_at=Now() - timedelta(hours=1))
    made = site.pms.reserve(
        room_type=site.room_types["Single Room"],
        check_in=str(date.today() + timedelta(days=night)),
        check_out=str(date.today() + timedelta(days=night + 1)),
        guest={"last_name": "Hopper"},
        price="80.00",
    )
    site.eventually(
        lambda: Reservation.objects.get(id=made["id"]).status == ReservationStatus.CONFIRMED, "the channel has it", 40
    )
    assert ChannelAccount.objects.filter(access_token_expires_at__gt=Now()).exists()


def test_both_keys_are_rotated_and_nothing_is_lost(site: Installation, tmp_path: Path) -> None:
    channel = Channel(site)
    channel.start()
    start_again(site, BOTH, tmp_path)
    expect_a_sale_with_a_new_token(site, 20)
    done = json.loads(site.processes.run("channel_sync_reencrypt", "--json"))
    assert (done["old"], done["unreadable"]) == (0, [])
    assert done["reencrypted"] >= 2
    site.processes.run("channel_sync_reencrypt", "--check")
    start_again(site, NEW, tmp_path)
    expect_a_sale_with_a_new_token(site, 21)
    channel.end()

    assert len(channel.answers) > 10
    assert set(channel.answers) == {200}
    site.settle()
    arrived = Reservation.objects.exclude(channel_reference=None).exclude(channel_reference="")
    site.eventually(lambda: arrived.count() >= len(channel.answers), "every webhook is applied")
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()
    assert ChannelProperty.objects.get().status == ChannelPropertyStatus.ACTIVE
    for name in ("web", *WORKERS):
        assert "cannot be decrypted" not in site.processes.log(name).read_text(), name
    with requests.Session() as session:
        session.trust_env = False
        health = session.get(f"{site.web}/health/channel-sync", timeout=10).json()
    assert health["secrets"] == {"keys": "ok", "unreadable": 0, "processes_with_wrong_keys": []}
