"""Threads that do things at the same moment, each with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier

from django.db import close_old_connections, connections


class Crowd:
    """Threads with a database connection each, who all begin at the same moment."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size)
        self._barrier = Barrier(size)
        self._size = size

    def all_at_once(self, actions: list[Callable[[], None]]) -> None:
        """Run one action in each thread; the first error of any is raised."""

        def begin(action: Callable[[], None]) -> None:
            close_old_connections()
            self._barrier.wait(60)
            action()

        assert len(actions) == self._size
        running: list[Future[None]] = [self._pool.submit(begin, action) for action in actions]
        for one in running:
            one.result(120)

    def leave(self) -> None:
        self.all_at_once([connections.close_all] * self._size)
        self._pool.shutdown()
