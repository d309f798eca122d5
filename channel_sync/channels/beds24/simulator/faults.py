"""Faults that can be switched on: errors, slowness, connections dropped after the effect, odd webhooks."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong with a call."""

    STATUS = "status"
    SLOW = "slow"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"


@dataclass
class Fault:
    """A fault for the next `times` calls whose method and path match; times below zero never run out."""

    kind: FaultKind
    times: int = 1
    method: str = ""
    path: str = ""
    status: int = 500
    seconds: float = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is about a call."""
        return self.times != 0 and self.method in ("", method) and self.path in path


@dataclass
class WebhookBehaviour:
    """How webhooks are delivered."""

    delay_seconds: float = 0
    copies: int = 1
    reorder_seconds: float = 0


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.webhooks = WebhookBehaviour()

    def add(self, description: dict[str, Any]) -> None:
        """Switch a fault on. Raises `ValueError` or `TypeError` for an unknown one."""
        fault = Fault(**{**description, "kind": FaultKind(description["kind"])})
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._faults.clear()
            self.webhooks = WebhookBehaviour()

    def next_for(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call; it is used up by one."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def described(self) -> list[dict[str, Any]]:
        """What is switched on."""
        with self._lock:
            return [asdict(fault) for fault in self._faults if fault.times != 0]
