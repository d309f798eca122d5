"""RabbitMQ is killed while webhooks come in: each is answered 200, and all are processed once it is back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelEvent, EventStatus
from pms_project.local_services.rabbitmq import PrivateNode, private_node
from pms_project.pms.models import Reservation
from tests.beds24_webhooks import webhook
from tests.end_to_end.installation import Installation, installation, models_of

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.fixture
def node() -> Iterator[PrivateNode]:
    with private_node() as running:
        yield running


@pytest.fixture
def site(node: PrivateNode, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    with (
        installation(os.environ["DATABASE_URL"], node.url, tmp_path) as running,
        django_db_blocker.unblock(),
        models_of(running),
    ):
        yield running


def post(site: Installation, number: int) -> int:
    check_in = date.today() + timedelta(days=30 + number)
    body = webhook(
        id=8_000_000 + number,
        apiReference=f"DOWN-{number}",
        roomId=int(site.rooms["Double Room"]),
        arrival=str(check_in),
        departure=str(check_in + timedelta(days=1)),
    )
    return site.send_webhook(body)


def test_nothing_is_lost_while_rabbitmq_is_dead(site: Installation, node: PrivateNode) -> None:
    answers = [post(site, number) for number in range(5)]
    node.kill()
    answers += [post(site, number) for number in range(5, 20)]
    made = site.pms.reserve(
        room_type=site.room_types["Suite"],
        check_in=str(date.today() + timedelta(days=100)),
        check_out=str(date.today() + timedelta(days=101)),
        guest={"last_name": "Hopper"},
    )
    assert ChannelEvent.objects.filter(status=EventStatus.RECEIVED).exists()
    node.start()
    answers += [post(site, number) for number in range(20, 25)]

    assert set(answers) == {200}
    arrived = Reservation.objects.filter(channel_reference__startswith="DOWN-")
    site.eventually(lambda: arrived.count() == 25, "every booking arrives", seconds=90)
    site.eventually(lambda: site.pms.reservation(made["id"])["status"] == "CONFIRMED", "the reservation is sent", 90)
    site.settle(seconds=60)
    assert arrived.values("channel_reference").distinct().count() == 25
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()
