"""Whether broker, database and channels answer: asked side by side, each within a time limit of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Min

from channel_sync.broker.depths import QueueDepths, queue_depths
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.registry import channel_class
from channel_sync.heartbeats import alive_by_queue, is_beat_alive, wrong_clocks, wrong_keys
from channel_sync.models import ChannelProperty, ChannelPropertyStatus
from channel_sync.models.sealed_values import count_unreadable, keys_are_wrong

Found = TypeVar("Found")

# The endpoint is open to everybody: however often it is asked, channels are asked only so often.
CHANNEL_ANSWER_KEPT_SECONDS = 5.0
MILLISECONDS = 1000


class HealthStatus(StrEnum):
    """Degraded still works: something waits, or wants a look."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class QueueStatus(StrEnum):
    """Warning: more waits than the alerts allow, or a dead letter is there."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Life:
    """What the database knows of our processes: workers alive by queue, whether beat is, and whose clock is off.

    `wrong_clocks` is process -> seconds ahead. A database that is not writable stores no webhook. `paused` is how many
    properties somebody has paused, `paused_since` since when the first of them is. `unreadable_secrets` is how many of
    the first stored secrets this process cannot decrypt; with wrong keys it can decrypt none, and verifies no webhook.
    `wrong_keys` names other processes with wrong ones.
    """

    workers: Mapping[str, int]
    is_beat_alive: bool
    wrong_clocks: Mapping[str, float] = field(default_factory=dict)
    is_writable: bool = True
    paused: int = 0
    paused_since: datetime | None = None
    unreadable_secrets: int = 0
    keys_are_wrong: bool = False
    wrong_keys: Sequence[str] = ()


@dataclass(frozen=True)
class Health:
    """One look at everything; `life` is None when the database did not answer."""

    depths: QueueDepths
    life: Life | None
    reachable_channels: Mapping[str, bool]

    @property
    def is_broker_connected(self) -> bool:
        """Whether the broker answered."""
        return self.depths.is_connected

    @property
    def missing_workers(self) -> list[str]:
        """Queues that no living worker consumes; without a database nobody knows."""
        if self.life is None:
            return []
        return [queue.name for queue in topology().worked_queues() if not self.life.workers.get(queue.name)]

    @property
    def status(self) -> HealthStatus:
        """Unhealthy when broker, database or a channel does not answer, or the database takes no writes.

        And with wrong keys, as no webhook is verified then.

        Degraded when a queue, a worker or beat is missing, a clock is wrong, a queue is long, a property is paused, a
        secret cannot be decrypted, or another process has wrong keys.
        """
        if not (self.is_broker_connected and self.life is not None and all(self.reachable_channels.values())):
            return HealthStatus.UNHEALTHY
        if not self.life.is_writable or self.life.keys_are_wrong:
            return HealthStatus.UNHEALTHY
        if self.depths.missing or self.missing_workers or not self.life.is_beat_alive or self.life.wrong_clocks:
            return HealthStatus.DEGRADED
        if self.life.paused or self.life.unreadable_secrets or self.life.wrong_keys:
            return HealthStatus.DEGRADED
        full = [self.queue_status(name, depth) is QueueStatus.WARNING for name, depth in self.depths_by_name().items()]
        return HealthStatus.DEGRADED if any(full) else HealthStatus.HEALTHY

    def depths_by_name(self) -> dict[str, int | None]:
        """Inbound, outbound and the dead letters."""
        return {"inbound": self.depths.inbound, "outbound": self.depths.outbound, "dlq": self.depths.dead_letters}

    @staticmethod
    def queue_status(name: str, depth: int | None) -> QueueStatus:
        """How a queue stands: any dead letter is a warning."""
        if depth is None:
            return QueueStatus.UNKNOWN
        limit = 0 if name == "dlq" else channel_sync_settings().alert_queue_depth
        return QueueStatus.WARNING if depth > limit else QueueStatus.OK


def look() -> Health:
    """Ask everything at once; returns within `health_timeout` seconds and a little, whatever does not answer."""
    settings = channel_sync_settings()
    deadline = time.monotonic() + settings.health_timeout
    asking = ThreadPoolExecutor(max_workers=2 + len(settings.channels), thread_name_prefix="channel_sync_health")
    try:
        depths = asking.submit(queue_depths, connect_timeout=settings.health_timeout)
        life = asking.submit(_life)
        channels = {name: asking.submit(_is_reachable, name) for name in settings.channels}
        return Health(
            depths=_answer(depths, deadline, QueueDepths()),
            life=_answer(life, deadline, None),
            reachable_channels={name: _answer(asked, deadline, False) for name, asked in channels.items()},
        )
    finally:
        asking.shutdown(wait=False)


def database_state() -> Life | None:
    """What the database says within the time limit; None when it does not answer."""
    asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="channel_sync_health")
    try:
        return _answer(asking.submit(_life), time.monotonic() + channel_sync_settings().health_timeout, None)
    finally:
        asking.shutdown(wait=False)


def _answer(asked: Future[Found], deadline: float, otherwise: Found) -> Found:
    try:
        return asked.result(max(deadline - time.monotonic(), 0))
    except TooLate:
        return otherwise


def _life() -> Life | None:
    """Over a connection of its own, which gives up in time, in the thread that asks."""
    timeout = channel_sync_settings().health_timeout
    connection = connections["default"]
    kept = connection.settings_dict
    connection.settings_dict = {
        **kept,
        "OPTIONS": {
            **kept["OPTIONS"],
            "connect_timeout": max(int(timeout), 1),
            "options": f"-c statement_timeout={int(timeout * MILLISECONDS)}",
        },
    }
    try:
        paused = ChannelProperty.objects.filter(status=ChannelPropertyStatus.INACTIVE)
        counted = paused.aggregate(number=Count("id"), since=Min("paused_at"))
        return Life(
            alive_by_queue(),
            is_beat_alive(),
            wrong_clocks(),
            _takes_writes(connection),
            paused=counted["number"],
            paused_since=counted["since"],
            unreadable_secrets=count_unreadable(),
            keys_are_wrong=keys_are_wrong(),
            wrong_keys=wrong_keys(),
        )
    except (DatabaseError, InterfaceError):
        return None
    finally:
        connection.close()
        connection.settings_dict = kept


def _takes_writes(connection: BaseDatabaseWrapper) -> bool:
    """A standby, and a server that an operator made read-only, answer every question and store nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only') = 'off'")
        (takes_writes,) = cursor.fetchone() or (False,)
    return bool(takes_writes)


class _ChannelAnswers:
    """The last answer of each channel, kept for some seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, tuple[float, bool]] = {}

    def get(self, name: str, ask: Callable[[], bool]) -> bool:
        """The kept answer, or a new one."""
        with self._lock:
            at, answer = self._kept.get(name, (float("-inf"), False))
        if time.monotonic() - at < CHANNEL_ANSWER_KEPT_SECONDS:
            return answer
        answer = ask()
        with self._lock:
            self._kept[name] = time.monotonic(), answer
        return answer


_channel_answers = _ChannelAnswers()


def _is_reachable(name: str) -> bool:
    settings = channel_sync_settings()
    options = settings.channel_options.get(name, {})
    return _channel_answers.get(
        f"{name} {options.get('base_url')}",
        lambda: channel_class(name).is_reachable(options, timeout=settings.health_timeout * 0.8),
    )
