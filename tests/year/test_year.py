"""A year of one hotel in fast motion: after each day nothing taken is for sale, nothing free is closed for no reason.

`make test` plays its first weeks, `make year` all of it; YEAR_SEED and YEAR_DAYS set it up.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.year.game import Game

DAYS = int(os.environ.get("YEAR_DAYS", "15"))
A_MONTH = 30

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120 + 10 * DAYS)]


def test_a_year_of_one_hotel(game: Game) -> None:
    game.begin()
    for number in range(1, DAYS + 1):
        game.day(number)
        if number % A_MONTH == 0 or number == DAYS:
            sys.stderr.write(f"\n{game.summary(number)}")
