"""A token store without a database."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from channel_sync.channels.canonical import AccessToken


@dataclass
class MemoryTokens:
    """The tokens of one account, in memory."""

    refresh: str
    access: AccessToken | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh_token(self) -> str:
        return self.refresh

    def access_token(self) -> AccessToken | None:
        return self.access

    def save_access_token(self, token: AccessToken) -> None:
        self.access = token

    def refreshing(self) -> AbstractContextManager[Any]:
        return self.lock
