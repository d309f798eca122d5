"""The exchanges and queues at a real RabbitMQ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from amqp.exceptions import NotFound
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from kombu import Connection

from channel_sync.broker.topology import declare, topology
from channel_sync.errors import TopologyMismatch
from pms_project.demo.broker import delete_topology


@pytest.fixture
def prefix(settings: LazySettings, broker_url: str) -> Iterator[str]:
    """Names of this test alone."""
    name = f"topology-{uuid4().hex[:8]}."
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "queue_prefix": name}
    yield name
    delete_topology(broker_url, name)


@pytest.fixture
def connection(broker_url: str) -> Iterator[Connection]:
    with Connection(broker_url) as connection:
        yield connection


@pytest.fixture
def channel(connection: Connection) -> Any:
    return connection.default_channel


def test_the_names_and_arguments_of_the_plan(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "queue_prefix": ""}
    wanted = topology()

    assert (wanted.events.name, wanted.events.type, wanted.events.durable) == ("pms.events", "topic", True)
    assert (wanted.dead_letters.name, wanted.dead_letters.type) == ("pms.events.dlx", "topic")
    for queue, name, key in (
        (wanted.inbound, "beds24.inbound", "beds24.#"),
        (wanted.outbound, "pms.outbound", "pms.#"),
    ):
        assert (queue.name, queue.routing_key, queue.durable) == (name, key, True)
        assert queue.queue_arguments == {
            "x-dead-letter-exchange": "pms.events.dlx",
            "x-message-ttl": 86_400_000,
            "x-max-priority": 10,
        }
    assert (wanted.inbound_dead_letters.name, wanted.outbound_dead_letters.name) == ("beds24.dlq", "pms.dlq")


def test_the_command_makes_everything_and_can_run_again(prefix: str, channel: Any) -> None:
    for _ in range(2):
        output = StringIO()
        call_command("channel_sync_topology", stdout=output)

    assert f"queue {prefix}beds24.inbound" in output.getvalue()
    for queue in topology().queues():
        channel.queue_declare(queue.name, passive=True)


@pytest.mark.parametrize(
    ("routing_key", "queue"),
    [("beds24.booking.created", "beds24.inbound"), ("pms.rate.update", "pms.outbound")],
)
def test_routing_keys_find_their_queue(
    prefix: str, connection: Connection, channel: Any, routing_key: str, queue: str
) -> None:
    declare(connection)

    channel.basic_publish(
        channel.prepare_message("x", content_type="text/plain", content_encoding="utf-8"),
        exchange=f"{prefix}pms.events",
        routing_key=routing_key,
    )

    assert _wait_for(channel, f"{prefix}{queue}") is not None


@pytest.mark.parametrize(
    ("routing_key", "queue", "dlq"),
    [
        ("beds24.booking.created", "beds24.inbound", "beds24.dlq"),
        ("pms.booking.create", "pms.outbound", "pms.dlq"),
    ],
)
def test_what_is_rejected_goes_to_the_dead_letters(
    prefix: str, connection: Connection, channel: Any, routing_key: str, queue: str, dlq: str
) -> None:
    declare(connection)
    channel.basic_publish(
        channel.prepare_message("x", content_type="text/plain", content_encoding="utf-8"),
        exchange=f"{prefix}pms.events",
        routing_key=routing_key,
    )

    message = _wait_for(channel, f"{prefix}{queue}")
    channel.basic_reject(message.delivery_tag, requeue=False)

    assert _wait_for(channel, f"{prefix}{dlq}") is not None


def test_a_queue_with_other_arguments_is_told_with_what_to_do(
    prefix: str, connection: Connection, channel: Any
) -> None:
    channel.queue_declare(f"{prefix}beds24.inbound", durable=True, auto_delete=False)

    with pytest.raises(TopologyMismatch, match=r"beds24\.inbound.*rabbitmqctl delete_queue"):
        declare(connection)


def test_quorum_queues_have_no_priority_and_keep_the_rest(
    settings: LazySettings, prefix: str, connection: Connection
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "queue_type": "quorum"}

    declare(connection)

    assert topology().inbound.queue_arguments == {
        "x-dead-letter-exchange": f"{prefix}pms.events.dlx",
        "x-message-ttl": 86_400_000,
        "x-queue-type": "quorum",
    }


def test_a_broker_that_is_away_is_named(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app

    monkeypatch.setattr(
        current_app, "connection_for_write", lambda **_: Connection("amqp://guest:secret@127.0.0.1:1//")
    )

    with pytest.raises(CommandError, match="does not answer") as caught:
        call_command("channel_sync_topology")
    assert "secret" not in str(caught.value)


def _wait_for(channel: Any, queue: str) -> Any:
    """The next message of a queue; RabbitMQ routes a moment after it was told."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        message = channel.basic_get(queue)
        if message is not None:
            return message
        time.sleep(0.02)
    return None


def test_demo_and_tests_delete_all_that_they_made(prefix: str, broker_url: str, connection: Connection) -> None:
    names = declare(connection)

    delete_topology(broker_url, prefix)

    for name in names:
        with connection.channel() as channel, pytest.raises(NotFound):
            channel.queue_declare(name, passive=True)
