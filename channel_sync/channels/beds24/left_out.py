"""Items of an answer that cannot be read: each is left out by itself, counted and logged; its neighbours are taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from channel_sync.errors import InvalidPayload
from channel_sync.metrics import ITEMS_LEFT_OUT

logger = logging.getLogger(__name__)

Read = TypeVar("Read")


def readable(items: Iterable[Any], read_one: Callable[[Mapping[str, Any]], Read], what: str) -> Iterator[Read]:
    """What `read_one` makes of each item; `what` names an item in the log, which never holds what is in it."""
    for item in items:
        try:
            if not isinstance(item, Mapping):
                raise InvalidPayload(what, "is not an object")
            found = read_one(item)
        except InvalidPayload as error:
            ITEMS_LEFT_OUT.labels("beds24", what).inc()
            logger.warning("a %s in a list of Beds24 is left out: %s", what, error)
        else:
            yield found
