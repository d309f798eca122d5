"""The feed as an endless answer: one thread and one connection of a process read for all of its streams.

A stream sleeps in the event loop until the process's watch has seen the feed move. It ends after `STREAM_SECONDS`, and
the reader's browser comes back by itself, with the cursor of the last thing that it has seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import close_old_connections, connections

from channel_sync.errors import ChannelSyncError
from channel_sync.feed.login import Login
from channel_sync.feed.page import Noted, Page, present_end, read_page
from channel_sync.feed.visibility import visible_notifications
from channel_sync.models import Notification, Role
from channel_sync.operations.access import access_of

LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 600.0
AT_ONCE = 200

Result = TypeVar("Result")

_reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="channel_sync-feed")
# Logging in may hash a password: no stream waits for the logins of others.
_doorman = ThreadPoolExecutor(max_workers=2, thread_name_prefix="channel_sync-feed-login")


class StreamEnded(ChannelSyncError):
    """Whoever follows may not see anything any more."""


async def in_reader(call: Callable[[], Result]) -> Result:
    """Do something with the database in the one thread that reads for every stream."""
    return await _in(_reader, call)


async def at_the_door(call: Callable[[], Result]) -> Result:
    """Do what lets a reader in, in threads of its own."""
    return await _in(_doorman, call)


async def _in(threads: ThreadPoolExecutor, call: Callable[[], Result]) -> Result:
    def do() -> Result:
        close_old_connections()
        try:
            return call()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, do)


async def follow(login: Login, after: int) -> AsyncIterator[list[Noted]]:
    """What whoever logged in may see, as it comes; an empty list now and then, while nothing does.

    Their login and rights are looked at each time. Ends by itself; raises `CursorGone`. What happens elsewhere wakes it
    and does not show.
    """
    await _let_thread_go()
    begun, watch = time.monotonic(), _watch()
    end, heard = begun + STREAM_SECONDS, begun
    with watch:
        while time.monotonic() < end:
            seen = watch.end
            try:
                page = await in_reader(lambda: _read(login, after))  # noqa: B023 - done before the next round
            except StreamEnded:
                return
            after = page.next
            silent = time.monotonic() - heard
            if page.rows or silent >= HEARTBEAT_SECONDS:
                yield page.rows
                heard, silent = time.monotonic(), 0.0
            if not page.has_more:
                await watch.moved_from(seen, patience=HEARTBEAT_SECONDS - silent)


def _read(login: Login, after: int) -> Page:
    user = login.user()
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
                end = await in_reader(lambda: present_end(Notification.objects.all()))
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
