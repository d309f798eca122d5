"""The demo's broker: a RabbitMQ that answers, or Celery's filesystem transport where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kombu import Connection

from pms_project.local_services import rabbitmq

QUEUES = (
    "beds24.inbound",
    "pms.outbound",
    "beds24.dlq",
    "pms.dlq",
    "channel_sync.periodic",
    "channel_sync.reconciliation",
)


@contextmanager
def broker(*, embedded: bool, directory: Path, queue_prefix: str) -> Iterator[dict[str, str]]:
    """The variables that name the broker; the demo's queues are deleted in the end."""
    url = None if embedded else rabbitmq.found()
    if url is None:
        yield _filesystem(directory)
        return
    try:
        yield {"RABBITMQ_URL": url}
    finally:
        delete_topology(url, queue_prefix)


def delete_topology(url: str, queue_prefix: str) -> None:
    """Delete queues and exchanges made under a prefix of one's own."""
    with Connection(url) as connection:
        channel: Any = connection.default_channel
        for queue in QUEUES:
            channel.queue_delete(f"{queue_prefix}{queue}")
        for exchange in ("pms.events", "pms.events.dlx"):
            channel.exchange_delete(f"{queue_prefix}{exchange}")


def _filesystem(directory: Path) -> dict[str, str]:
    folders = {name: directory / "broker" / name for name in ("messages", "control")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    messages, control = str(folders["messages"]), str(folders["control"])
    options = {"data_folder_in": messages, "data_folder_out": messages, "control_folder": control}
    return {"RABBITMQ_URL": "filesystem://", "BROKER_TRANSPORT_OPTIONS": json.dumps(options)}
