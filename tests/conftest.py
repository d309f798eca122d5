"""Fixtures of all tests: a simulated Beds24 over HTTP, and a hotel connected to it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.contrib.auth import get_user_model
from kombu import Connection
from kombu.exceptions import OperationalError
from rest_framework.test import APIClient

from channel_sync.broker.topology import declare
from channel_sync.channels.beds24.simulator.server import simulator_server
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED
from channel_sync.channels.http_pool import close_connections
from channel_sync.connections.connect import connect_property
from channel_sync.connections.suggestions import save_suggestions
from channel_sync.events import handlers
from channel_sync.inbound.rejections import forget_rejections
from channel_sync.inbound.senders import forget_senders
from channel_sync.models import ChannelMapping, ChannelProperty, EventType, MappingType
from channel_sync.operations.roles import Role
from pms_project.demo.broker import delete_topology
from pms_project.demo.parties import SimulatedBeds24
from pms_project.pms.models import HotelSettings, RoomType
from tests.conformance.recording import RecordedSimulator
from tests.end_to_end.migrated_databases import migrated_databases
from tests.factories import ChannelConnectionFactory, HotelFactory, RoomTypeFactory
from tests.staff import works_everywhere

CHECKED = {"requests", "answers", "webhooks"}


@dataclass(frozen=True)
class RunningSimulator:
    """A simulator in a thread, what it knows, and its controls."""

    simulator: RecordedSimulator
    address: str

    @property
    def controls(self) -> SimulatedBeds24:
        return SimulatedBeds24(self.address)

    @property
    def bookings(self) -> list[dict[str, Any]]:
        return list(self.simulator.state.bookings.values())

    def posts(self, path: str) -> list[dict[str, Any]]:
        """The POST calls to a path, in order."""
        return [call for call in self.simulator.state.calls if call["method"] == "POST" and call["path"] == path]


@pytest.fixture
def start_simulator(request: pytest.FixtureRequest) -> Iterator[Callable[[dict[str, Any]], RunningSimulator]]:
    """Start simulators with a seed; they stop with the test, which fails when their traffic did not conform."""
    servers = []
    simulators = []

    def start(seed: dict[str, Any]) -> RunningSimulator:
        simulator = RecordedSimulator(copy.deepcopy(seed))
        simulators.append(simulator)
        server = simulator_server(simulator, "127.0.0.1", 0)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return RunningSimulator(simulator, f"http://127.0.0.1:{server.server_port}")

    yield start
    close_connections()
    for server in servers:
        server.shutdown()
        server.server_close()
    beside = {part for marker in request.node.iter_markers("nonconforming") for part in marker.args}
    faults = [fault for simulator in simulators for fault in simulator.nonconforming(CHECKED - beside)]
    assert not faults, "the traffic does not conform to the description:\n" + "\n".join(map(str, faults))


@pytest.fixture
def beds24(start_simulator: Callable[[dict[str, Any]], RunningSimulator], settings: LazySettings) -> RunningSimulator:
    """The default simulator, at which the settings point."""
    running = start_simulator(DEFAULT_SEED)
    options = {"beds24": {"base_url": f"{running.address}/v2", "read_timeout": 5.0}}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "channel_options": options}
    return running


@dataclass(frozen=True)
class ConnectedHotel:
    """A hotel of the PMS that is connected to the simulator."""

    hotel: HotelSettings
    channel_property: ChannelProperty
    double: RoomType
    single: RoomType
    webhook_secret: str

    def room_id(self, room_type: RoomType) -> str:
        """The Beds24 room of a room type."""
        return ChannelMapping.objects.get(mapping_type=MappingType.ROOM_TYPE, internal_id=room_type.id).external_id


@pytest.fixture
def connected(db: None, beds24: RunningSimulator) -> ConnectedHotel:
    """A hotel with two room types, connected and mapped."""
    hotel = HotelFactory()
    double = RoomTypeFactory(hotel=hotel, name="Double Room", units=10)
    single = RoomTypeFactory(hotel=hotel, name="Single Room", units=5)
    result = connect_property(hotel.id, channel_name="beds24", invite_code="DEMO-INVITE-CODE")
    save_suggestions(result.channel_property, result.suggestions.matches)
    return ConnectedHotel(hotel, result.channel_property, double, single, result.webhook_secret)


@pytest.fixture
def strict_holds(settings: LazySettings) -> None:
    """A reservation fails when its channel does not answer in time."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "hold_policy": "strict"}


@pytest.fixture
def handle_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have all events handled this way, and what follows a failure."""

    def use(apply: handlers.Apply, on_failure: handlers.OnFailure = handlers.nothing_more) -> None:
        monkeypatch.setattr(handlers, "_handlers", dict.fromkeys(EventType, handlers.Handler(apply, on_failure)))

    return use


@pytest.fixture
def channel_property(db: None) -> ChannelProperty:
    """A connected property, without a simulator."""
    found: ChannelProperty = ChannelConnectionFactory().channel_property
    return found


@pytest.fixture
def api_of(db: None) -> Callable[[Role | None], APIClient]:
    """API clients logged in with a role; None is a user who has none."""

    def client(role: Role | None) -> APIClient:
        name = role.name.lower() if role else "nobody"
        user, _ = get_user_model().objects.get_or_create(username=name)
        if role is not None:
            works_everywhere(user, role)
        made = APIClient(raise_request_exception=True)
        made.force_login(user)
        return made

    return client


@pytest.fixture(autouse=True)
def unknown_senders() -> None:
    """No test knows the properties of another, or counts what was refused to it."""
    forget_senders()
    forget_rejections()


@pytest.fixture(scope="session")
def broker_url() -> str:
    """The RabbitMQ that the tests work on."""
    return str(settings.CELERY_BROKER_URL)


@pytest.fixture(scope="session", autouse=True)
def nothing_left_at_the_broker(broker_url: str) -> Iterator[None]:
    """What this run made under its prefix is gone in the end; without a broker there is nothing."""
    yield
    try:
        delete_topology(broker_url, settings.CHANNEL_SYNC["queue_prefix"])
    except (OSError, OperationalError):
        pass


@pytest.fixture(scope="session", autouse=True)
def no_database_left() -> Iterator[None]:
    """What installations were copied from goes with the run, in each of its processes."""
    yield
    migrated_databases.drop()


@pytest.fixture(scope="session")
def topology_at_broker(broker_url: str) -> None:
    """The queues of this run."""
    with Connection(broker_url) as connection:
        declare(connection)
