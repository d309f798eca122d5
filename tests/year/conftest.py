"""The game: a hotel on both sides, with its workers, on clocks that can be moved."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from channel_sync.broker import publisher
from channel_sync.channels.beds24.simulator.app import Simulator
from channel_sync.channels.beds24.simulator.server import simulator_server
from channel_sync.channels.http_pool import close_connections
from pms_project.demo.parties import SimulatedBeds24
from tests.year.channel_side import ChannelSide
from tests.year.clock import game_clock
from tests.year.desk import Desk
from tests.year.game import START, Game
from tests.year.hotel import SEED as HOTEL_AT_THE_CHANNEL
from tests.year.hotel import GameHotel
from tests.year.webhooks import HeldWebhooks
from tests.year.workers import HeapBroker, Workers

SEED = int(os.environ.get("YEAR_SEED", "1")) or random.randrange(1, 1_000_000)


@pytest.fixture
def game(transactional_db: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Game]:
    simulator, webhooks, broker = Simulator(HOTEL_AT_THE_CHANNEL), HeldWebhooks(), HeapBroker()
    webhooks.instead_of(simulator.sender)
    server = simulator_server(simulator, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    options = {"beds24": {"base_url": f"{address}/v2", "read_timeout": 5.0}}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "channel_options": options, "retry_jitter": 0.0}
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.SECURE_SSL_REDIRECT = False
    monkeypatch.setattr(publisher, "publish_recorded", broker.publish_recorded)
    # The captured log of a year is a lot of memory.
    monkeypatch.setattr(logging.root.manager, "disable", logging.ERROR)
    with game_clock(START) as clock:
        dice, log = random.Random(SEED), []
        workers = Workers(clock, broker)
        hotel = GameHotel.built(simulator, workers, START.date())

        def note(text: str) -> None:
            log.append(f"{clock.now():%Y-%m-%d %H:%M} {text}")

        yield Game(
            seed=SEED,
            clock=clock,
            hotel=hotel,
            workers=workers,
            webhooks=webhooks,
            desk=Desk(hotel, dice, note),
            channel=ChannelSide(hotel, SimulatedBeds24(address), dice, note),
            random=dice,
            log=log,
        )
        close_connections()
        server.shutdown()
        server.server_close()
