"""One night of a mapped rate plan that has to be sent to the channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from channel_sync.channels.canonical import RateTerms

# Stands for the terms of a rate that is not there any more.
GONE = "gone"


@dataclass(frozen=True)
class Sent:
    """What the channel was last sent of a night; closures of None are not known, a price of None was not sent."""

    content_hash: str
    closures: str | None
    price: Decimal | None


@dataclass(frozen=True)
class ChangedNight:
    """The terms of a mapped rate plan on a night that was not sent yet, and what was sent last.

    A neighbour goes along for the restrictions that it shares with a night that has changed; its price stays.
    """

    night: date
    terms: RateTerms
    content_hash: str
    sent: Sent | None = None
    is_neighbour: bool = False

    def as_neighbour(self) -> ChangedNight:
        """The restrictions alone."""
        return replace(self, terms=self.terms.model_copy(update={"price": None}), is_neighbour=True)

    @property
    def is_news(self) -> bool:
        """Whether the channel does not have these terms."""
        return self.sent is None or self.sent.content_hash != self.content_hash

    @property
    def is_closed(self) -> bool:
        """Whether any closure holds, or was sent last."""
        return bool(self.terms.closures() or (self.sent is not None and self.sent.closures))

    @property
    def moves_closures(self) -> bool:
        """Whether its closures differ from those that were sent; a night that never was sent any began open."""
        return self.terms.closures() != (self.sent.closures if self.sent is not None else "")

    @property
    def gets_first_price(self) -> bool:
        """Whether the channel was never sent a price of it: the night may go on sale with this one."""
        return self.terms.price is not None and (self.sent is None or self.sent.price is None)

    @property
    def price_to_delete(self) -> Decimal | None:
        """The price that was sent and is not there any more: the night would stay on sale at it."""
        if self.is_neighbour or self.terms.price is not None or self.sent is None:
            return None
        return self.sent.price

    @property
    def price_at_channel(self) -> Decimal | None:
        """What the channel was sent once this has gone out."""
        return self.sent.price if self.is_neighbour and self.sent is not None else self.terms.price


def gone_night(night: date, sent: Sent, *, has_neighbours: bool) -> ChangedNight:
    """A night of which the rate was deleted.

    Beside other plans of its room it counts as closed: they alone say whether the room is. The last plan of a room
    leaves it as it is: who sells it in other ways goes on.
    """
    closures = sent.closures or ""
    terms = RateTerms(stop_sell=True) if has_neighbours else RateTerms.closed(closures)
    return ChangedNight(night, terms, GONE, sent if has_neighbours else replace(sent, closures=closures))


def gone_nights(sent: Mapping[date, Sent], asked: Collection[date], priced: Collection[date]) -> list[date]:
    """The nights of a plan that were asked for, have no rate any more, and of which a price was sent."""
    return [night for night, last in sent.items() if last.price is not None and night in asked and night not in priced]
