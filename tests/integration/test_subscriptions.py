"""Webhook subscriptions: signed, in order, each notification until it was taken; nothing to private machines.

There was no way to hear of a failed event or a conflict but to ask again and again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from channel_sync.connections.pausing import note_paused, note_resumed
from channel_sync.errors import AddressRefused
from channel_sync.models import (
    Alert,
    AuditEntry,
    ChannelProperty,
    Notification,
    SwitchedOff,
    WebhookDelivery,
    WebhookSubscription,
)
from channel_sync.monitoring.alert_rules import _subscriptions
from channel_sync.operations.roles import Role
from channel_sync.retention.run import run_retention
from channel_sync.subscriptions import post as posting
from channel_sync.subscriptions.address import resolve
from channel_sync.subscriptions.changes import change, rotate, subscribe
from channel_sync.subscriptions.delivery import deliver, due_subscriptions
from channel_sync.subscriptions.tasks import DELIVER_TASK, start_deliveries
from tests.factories import ChannelConnectionFactory
from tests.http_receiver import Receiver, receiving
from tests.staff import works_in

pytestmark = pytest.mark.django_db

SUBSCRIPTIONS = "/api/admin/webhook-subscriptions/"
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    allowed = {"subscription_allow_http": True, "subscription_allow_private": True, "subscription_timeout": 1.0}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, **allowed}
    with receiving() as running:
        yield running


@pytest.fixture
def owner(api_of: Api) -> Any:
    api_of(Role.ADMINISTRATOR)
    return get_user_model().objects.get(username="administrator")


def pause_and_resume(channel_property: ChannelProperty) -> None:
    note_paused(channel_property.id, by="eve")
    note_resumed(channel_property.id, is_held=False)


def due_now() -> None:
    WebhookSubscription.objects.update(next_attempt_at=None, lease_expires_at=None)


def is_signed(receiver: Receiver, number: int, secret: str) -> bool:
    """As a receiver checks it, by the words of Standard Webhooks."""
    headers = {name.lower(): value for name, value in receiver.headers[number].items()}
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + receiver.bodies[number]
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and expected in headers["webhook-signature"].split(" ")


def test_what_happens_is_sent_in_order_and_signed(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url)
    pause_and_resume(channel_property)

    assert due_subscriptions() == [made.subscription.id]
    assert deliver(made.subscription.id) == 2

    assert [told["type"] for told in receiver.told] == ["property.paused", "property.resumed"]
    assert receiver.told[0]["data"]["property_id"] == str(channel_property.property_id)
    assert receiver.told[0]["channel_property_id"] == str(channel_property.id)
    assert is_signed(receiver, 0, made.secret)
    assert is_signed(receiver, 1, made.secret)
    assert not is_signed(receiver, 0, "whsec_" + base64.b64encode(b"another").decode())
    assert due_subscriptions() == []
    assert deliver(made.subscription.id) == 0
    assert list(WebhookDelivery.objects.values_list("succeeded", "status_code")) == [(True, 200)] * 2


def test_only_the_kinds_and_the_property_that_are_wanted_are_sent(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    other = ChannelConnectionFactory().channel_property
    some = subscribe(owner, receiver.url, kinds=["property.resumed"], channel_property=channel_property).subscription
    pause_and_resume(other)
    assert due_subscriptions() == []
    pause_and_resume(channel_property)

    assert deliver(some.id) == 1

    assert [told["type"] for told in receiver.told] == ["property.resumed"]
    assert due_subscriptions() == []


def test_a_refused_delivery_holds_up_what_follows_and_is_tried_again(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    receiver.status = 500

    assert deliver(made.id) == 0
    assert deliver(made.id) == 0  # It rests.
    made.refresh_from_db()
    assert made.failures == 1
    assert made.next_attempt_at is not None
    assert made.lease_holder is None
    assert due_subscriptions() == []
    due_now()
    receiver.status = 200

    assert deliver(made.id) == 2
    ids = list(WebhookDelivery.objects.order_by("created_at").values_list("webhook_id", flat=True))
    assert ids[0] == ids[1]
    made.refresh_from_db()
    assert (made.failures, made.failing_since) == (0, None)


def test_who_takes_nothing_for_days_is_switched_off_and_alerted(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    receiver.status = 503
    WebhookSubscription.objects.update(failing_since=timezone.now() - timedelta(days=4), failures=40)

    deliver(made.id)

    made.refresh_from_db()
    assert (made.is_active, made.switched_off) == (False, SwitchedOff.NO_ANSWER)
    assert due_subscriptions() == []
    (finding,) = _subscriptions()
    assert finding.subject == str(made.id)
    receiver.status = 200
    change(made, owner, is_active=True)
    assert list(_subscriptions()) == []
    assert deliver(made.id) == 2


def test_who_answers_gone_is_switched_off_at_once(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    receiver.status = 410

    deliver(made.id)

    made.refresh_from_db()
    assert made.switched_off == SwitchedOff.GONE


def test_who_lost_the_right_to_see_is_sent_nothing(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    owner.groups.clear()

    assert deliver(made.id) == 0

    made.refresh_from_db()
    assert made.switched_off == SwitchedOff.OWNER
    assert receiver.bodies == []


def test_a_redirect_is_not_followed(receiver: Receiver, owner: Any, channel_property: ChannelProperty) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    receiver.status = 302

    assert deliver(made.id) == 0

    assert WebhookDelivery.objects.get().status_code == 302


def test_an_answer_that_trickles_in_is_hung_up_on(
    receiver: Receiver, settings: LazySettings, owner: Any, channel_property: ChannelProperty
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "subscription_timeout": 0.4}
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
                        peer.sendall(bytes([byte]))
                        time.sleep(0.1)
                except OSError:
                    pass

        threading.Thread(target=trickle, daemon=True).start()
        begun = time.monotonic()
        outcome = posting.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})

    assert not outcome.succeeded
    assert outcome.error
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://10.1.2.3/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/",
        "https://[fe80::1]/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/", "https://192.168.0.1:8443/",
        "https://localhost/", "https://224.0.0.1/", "http://8.8.8.8/", "https://user:pw@8.8.8.8/", "ftp://8.8.8.8/",
        "https:///x", "https://8.8.8.8:99999/", "https://2130706433/", "https://0x7f.1/",
        "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1::808:808]/",
        "https://[::127.0.0.1]/", "https://[::8.8.8.8]/", "https://[::ffff:0:127.0.0.1]/", "https://[fec0::1]/",
        "https://192.88.99.1/", "https://[2002:7f00:1::]/", "https://[2001::1]/", "https://[3fff::1]/",
    ],
)  # fmt: skip
def test_nothing_is_sent_to_private_machines_or_without_tls(url: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(url)


def test_where_a_network_translates_addresses_public_machines_are_reached() -> None:
    assert resolve("https://[64:ff9b::808:808]/").machine == "64:ff9b::808:808"


def test_a_name_that_stands_for_a_private_machine_too_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(AddressRefused, match=r"hooks\.example"):
        resolve("https://hooks.example/x")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[:1])

    target = resolve("https://hooks.example/x?y=1")

    assert (target.url, target.host_header) == ("https://93.184.216.34:443/x?y=1", "hooks.example")


def test_the_name_is_looked_up_at_every_delivery(
    receiver: Receiver, settings: LazySettings, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url.replace("127.0.0.1", "localhost")).subscription
    pause_and_resume(channel_property)
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "subscription_allow_private": False}

    assert deliver(made.id) == 0

    assert "internet cannot reach" in WebhookDelivery.objects.get().error
    assert receiver.bodies == []


def test_after_a_rotation_both_secrets_are_signed_with_for_a_while(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url)
    rotated = rotate(made.subscription, owner)
    pause_and_resume(channel_property)
    deliver(made.subscription.id)
    WebhookSubscription.objects.update(secret_previous_until=Now())
    note_paused(channel_property.id, by="eve")
    deliver(made.subscription.id)

    assert made.secret != rotated.secret
    assert is_signed(receiver, 0, made.secret)
    assert is_signed(receiver, 0, rotated.secret)
    assert is_signed(receiver, 2, rotated.secret)
    assert not is_signed(receiver, 2, made.secret)


def test_a_secret_that_no_key_decrypts_is_a_failure_that_says_so(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty, settings: LazySettings
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channel_webhook_subscriptions SET secret = 'gAAAAAB-not-ours'")

    assert deliver(made.id) == 0

    assert "channel_webhook_subscriptions.secret" in WebhookDelivery.objects.get().error
    assert receiver.bodies == []


def test_one_message_goes_to_the_queue_for_each_subscription(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))
    two = {str(subscribe(owner, receiver.url).subscription.id) for _ in range(2)}
    start_deliveries()
    assert sent == []
    pause_and_resume(channel_property)

    start_deliveries()

    assert {args[0] for name, args in sent if name == DELIVER_TASK} == two


def test_while_a_process_has_a_subscription_no_other_sends(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    within: list[int] = []

    def send(url: str, body: bytes, headers: dict[str, str]) -> posting.Outcome:
        within.append(deliver(made.id))
        return posting.post(url, body, headers)

    assert deliver(made.id, send=send) == 2
    assert within == [0, 0]


def test_administrators_make_test_rotate_and_remove_subscriptions(
    api_of: Api, receiver: Receiver, channel_property: ChannelProperty
) -> None:
    api = api_of(Role.ADMINISTRATOR)
    refused = api.post(SUBSCRIPTIONS, {"url": "ftp://example.org/", "kind": ["x"]}, format="json")
    assert refused.status_code == 400
    made = api.post(SUBSCRIPTIONS, {"url": receiver.url, "kinds": ["property.paused"]}, format="json").json()
    one = f"{SUBSCRIPTIONS}{made['id']}/"
    assert made["secret"].startswith("whsec_")
    assert made["owner"] == "administrator"
    assert "secret" not in api.get(one).json()

    tried = api.post(f"{one}test/").json()
    assert (tried["kind"], tried["succeeded"], tried["status_code"]) == ("test", True, 200)
    assert is_signed(receiver, 0, made["secret"])
    pause_and_resume(channel_property)
    deliver(made["id"])
    first = api.get(f"{one}deliveries/").json()["deliveries"][0]
    again = api.post(f"{one}deliveries/{first['id']}/redeliver/").json()
    assert (again["webhook_id"], again["succeeded"]) == (first["webhook_id"], True)
    assert receiver.bodies[-1] == receiver.bodies[-2]
    Notification.objects.all().delete()
    assert api.post(f"{one}deliveries/{first['id']}/redeliver/").status_code == 409

    assert api.post(f"{one}rotate-secret/").json()["secret"] != made["secret"]
    off = api.patch(one, {"is_active": False}, format="json").json()
    assert (off["is_active"], off["switched_off"]) == (False, "by_hand")
    assert api.get(SUBSCRIPTIONS).json()["pagination"]["total"] == 1
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions >= {f"subscription.{what}" for what in ("made", "tested", "rotated", "changed", "removed")}
    assert not Alert.objects.filter(message__contains=made["secret"]).exists()


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.OPERATOR])
def test_nobody_else_sees_subscriptions(api_of: Api, role: Role | None) -> None:
    assert api_of(role).get(SUBSCRIPTIONS).status_code == 403
    assert api_of(role).post(SUBSCRIPTIONS, {"url": "https://example.org/"}, format="json").status_code == 403


def test_administrators_of_one_property_subscribe_to_that_alone(channel_property: ChannelProperty) -> None:
    user = works_in(channel_property.property, Role.ADMINISTRATOR, name="anna")
    api = APIClient()
    api.force_login(user)

    everything = api.post(SUBSCRIPTIONS, {"url": "https://8.8.8.8/"}, format="json")
    own = {"url": "https://8.8.8.8/", "channel_property_id": str(channel_property.id)}
    made = api.post(SUBSCRIPTIONS, own, format="json")
    widened = api.patch(f"{SUBSCRIPTIONS}{made.json()['id']}/", {"channel_property_id": None}, format="json")

    assert (everything.status_code, made.status_code, widened.status_code) == (400, 201, 400)
    assert everything.json()["errors"][0]["attr"] == "channel_property_id"


def test_where_a_new_subscription_begins_does_not_move_with_other_hotels(channel_property: ChannelProperty) -> None:
    """It is shown as its cursor."""
    other = ChannelConnectionFactory().channel_property
    owner = works_in(channel_property.property, Role.ADMINISTRATOR, name="ada")
    pause_and_resume(channel_property)
    first = subscribe(owner, "https://8.8.8.8/", channel_property=channel_property).subscription
    pause_and_resume(other)

    second = subscribe(owner, "https://8.8.8.8/", channel_property=channel_property).subscription

    assert second.cursor == first.cursor


def test_old_notifications_and_deliveries_are_deleted(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url).subscription
    pause_and_resume(channel_property)
    deliver(made.id)
    old = timezone.now() - timedelta(days=31)
    Notification.objects.update(created_at=old)
    WebhookDelivery.objects.filter(id=WebhookDelivery.objects.earliest("created_at").id).update(created_at=old)

    done = run_retention(now=timezone.now())

    assert done.notifications_deleted >= 2
    assert done.deliveries_deleted == 1
    assert WebhookDelivery.objects.count() == 1
    assert not Notification.objects.exists()


DIES = """
import os, sys, uuid, django
django.setup()
from channel_sync.subscriptions.delivery import deliver
from channel_sync.subscriptions.post import post
def send(*arguments):
    post(*arguments)
    os._exit(9)
deliver(uuid.UUID(sys.argv[1]), send=send)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
def test_a_process_that_dies_after_its_call_is_followed_by_the_same_notification(
    receiver: Receiver, owner: Any, channel_property: ChannelProperty
) -> None:
    made = subscribe(owner, receiver.url)
    pause_and_resume(channel_property)
    assert due_subscriptions() == [made.subscription.id]
    database = connection.settings_dict
    where = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    allowed = {"subscription_allow_http": True, "subscription_allow_private": True}
    environment = {
        "DJANGO_SETTINGS_MODULE": "pms_project.settings",
        "DEBUG": "1",
        "DATABASE_URL": where,
        "CHANNEL_SYNC_OPTIONS": json.dumps(allowed),
    }
    root = Path(__file__).resolve().parents[2]

    died = subprocess.run(
        [sys.executable, "-c", DIES, str(made.subscription.id)], env=environment, cwd=root, check=False, timeout=60
    )

    assert died.returncode == 9
    assert len(receiver.bodies) == 1
    assert deliver(made.subscription.id) == 0  # Until its lease is over it may live.
    due_now()
    assert deliver(made.subscription.id) == 2
    ids = [{name.lower(): value for name, value in one.items()}["webhook-id"] for one in receiver.headers]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 2
