"""The feed as an endless answer: one thread and one connection of a process read for all of its streams.

A stream sleeps in the event loop until the process's watch has seen the feed move. It ends after `STREAM_SECONDS`, and
the reader's browser comes back by itself, with the cursor of the last thing that it has seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.auth import get_user_model
from django.db import close_old_connections, connections

from channel_sync.errors import ChannelSyncError
from channel_sync.feed.page import Noted, Page, present_end, read_page
from channel_sync.feed.visibility import visible_notifications
from channel_sync.models import Role
from channel_sync.operations.access import access_of

LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 600.0
AT_ONCE = 200

Result = TypeVar("Result")

_reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="channel_sync-feed")


class StreamEnded(ChannelSyncError):
    """Whoever follows may not see anything any more."""


async def in_reader(call: Callable[[], Result]) -> Result:
    """Do something with the database in the one thread that reads for every stream."""

    def do() -> Result:
        close_old_connections()
        try:
            return call()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_reader, do)


async def follow(user_id: Any, after: int) -> AsyncIterator[list[Noted]]:
    """What the user may see, as it comes; an empty list now and then, while nothing does.

    Their rights are looked at each time. Ends by itself; raises `CursorGone`.
    """
    await _let_thread_go()
    end, watch = time.monotonic() + STREAM_SECONDS, _watch()
    with watch:
        while time.monotonic() < end:
            seen = watch.end
            try:
                page = await in_reader(lambda: _read(user_id, after))  # noqa: B023 - done before the next round
            except StreamEnded:
                return
            after = page.next
            yield page.rows
            if not page.has_more:
                await watch.moved_from(seen, patience=HEARTBEAT_SECONDS)


def _read(user_id: Any, after: int) -> Page:
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    access = access_of(user) if user is not None else None
    if access is None or not access.has(Role.VIEWER):
        raise StreamEnded("The user may not follow the feed any more.")
    return read_page(visible_notifications(access), after, limit=AT_ONCE)


class _Watch:
    """Looks how far the feed is, once for all streams of an event loop; only while there are any."""

    def __init__(self) -> None:
        self.end = -1
        self._moved = asyncio.Event()
        self._streams = 0
        self._looking: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._streams += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    def __exit__(self, *_: object) -> None:
        self._streams -= 1
        if not self._streams and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def moved_from(self, seen: int, *, patience: float) -> None:
        """Wait until the feed is further than that, or patience has run out."""
        if self.end != seen:
            return
        try:
            await asyncio.wait_for(self._moved.wait(), patience)
        except TimeoutError:
            pass

    async def _look(self) -> None:
        while True:
            try:
                end = await in_reader(present_end)
            except Exception:  # noqa: BLE001 - a database that is away: each stream meets that itself, and ends
                end = -1
            if end != self.end:
                self.end = end
                self._moved.set()
                self._moved = asyncio.Event()
            await asyncio.sleep(LOOK_SECONDS)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _watch() -> _Watch:
    return _watches.setdefault(asyncio.get_running_loop(), _Watch())


async def _let_thread_go() -> None:
    """Give up the thread that Django keeps for the synchronous middleware of a request until its answer ends."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None or context not in SyncToAsync.context_to_thread_executor:
        return
    await sync_to_async(connections.close_all)()
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
