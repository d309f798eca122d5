"""`/api/admin/channel-mappings`: validation, soft delete, the mapping test, roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from channel_sync.errors import UnmappedRoom
from channel_sync.models import (
    AuditEntry,
    ChannelEvent,
    ChannelMapping,
    EventStatus,
    EventType,
    MappingType,
    ParityCheck,
    ParityStatus,
)
from channel_sync.operations.roles import Role
from pms_project.pms.models import RatePlan, Room
from tests.conftest import ConnectedHotel
from tests.factories import EventFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

LIST = "/api/admin/channel-mappings"
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def administrator(api_of: Api) -> APIClient:
    return api_of(Role.ADMINISTRATOR)


def body(hotel: ConnectedHotel, **changes: Any) -> dict[str, Any]:
    room_type = changes.pop("room_type", None) or RoomTypeFactory(hotel=hotel.hotel)
    return {
        "channel_property_id": str(hotel.channel_property.id),
        "mapping_type": "room_type",
        "internal_id": str(room_type.id),
        "external_id": "2999",
        **changes,
    }


def test_the_list_filters(administrator: APIClient, connected: ConnectedHotel) -> None:
    answer = administrator.get(LIST, {"property_id": connected.hotel.id, "mapping_type": "room_type"}).json()

    assert set(answer) == {"mappings", "pagination"}
    assert answer["pagination"] == {
        "page": 1, "limit": 50, "total": 2, "total_is_estimate": False, "totalPages": 1,
    }  # fmt: skip
    assert administrator.get(LIST, {"is_active": "false"}).json()["mappings"] == []
    one = answer["mappings"][0]
    assert administrator.get(f"{LIST}/{one['id']}/").json() == one


def test_a_new_mapping_retries_what_failed_without_it_and_is_compared_before_it_is_sent(
    administrator: APIClient, connected: ConnectedHotel
) -> None:
    error = UnmappedRoom("2999", "beds24 1001")
    failed = EventFactory(
        channel_property=connected.channel_property, status=EventStatus.FAILED, last_error=f"UnmappedRoom: {error}"
    )

    answer = administrator.post(LIST, body(connected), format="json")

    assert answer.status_code == 201, answer.json()
    failed.refresh_from_db()
    assert failed.status == EventStatus.RECEIVED
    assert ChannelMapping.objects.get(id=answer.json()["id"]).held_since is not None
    assert ParityCheck.objects.get().status == ParityStatus.WANTED
    lowering = ChannelEvent.objects.get(event_type=EventType.AVAILABILITY_UPDATE, status=EventStatus.RECEIVED)
    assert str(lowering.entity_internal_id) == answer.json()["internal_id"]
    assert AuditEntry.objects.get(action="mapping.created").actor == "administrator"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"internal_id": str(uuid4())}, "internal_id"),
        ({"external_id": "room 7"}, "external_id"),
        ({"external_id": "2001:1"}, "external_id"),
        ({"mapping_type": "rate", "external_id": "2001:17"}, "external_id"),
        ({"mapping_type": "room", "external_id": "2001"}, "external_id"),
        ({"mapping_type": "suite"}, "mapping_type"),
        ({"channel_property_id": str(uuid4())}, "channel_property_id"),
        ({"channel_property_id": "7"}, "channel_property_id"),
    ],
)
def test_a_wrong_mapping_names_its_field(
    administrator: APIClient, connected: ConnectedHotel, changes: dict[str, Any], field: str
) -> None:
    answer = administrator.post(LIST, body(connected, **changes), format="json")

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, field)


def test_the_channel_is_asked_when_wanted(administrator: APIClient, connected: ConnectedHotel) -> None:
    ChannelMapping.objects.filter(external_id="2002").update(external_id="2998")

    unknown = administrator.post(LIST, body(connected, check_channel=True), format="json")
    known = administrator.post(LIST, body(connected, external_id="2002", check_channel=True), format="json")

    assert "It has: 2001, 2002" in unknown.json()["errors"][0]["detail"]
    assert known.status_code == 201


def test_duplicates_are_refused(administrator: APIClient, connected: ConnectedHotel) -> None:
    same_room = body(connected, external_id=connected.room_id(connected.double))
    same_type = body(connected, room_type=connected.double)

    for wanted, side in ((same_room, "external id"), (same_type, "internal id")):
        answer = administrator.post(LIST, wanted, format="json")
        assert answer.status_code == 409
        assert f"Its {side} is mapped already" in answer.json()["errors"][0]["detail"]


def test_rooms_and_rate_plans_are_mapped_too(administrator: APIClient, connected: ConnectedHotel) -> None:
    plan = RatePlan.objects.create(room_type=connected.double, name="Flexible")
    room = Room.objects.create(room_type=connected.double, number="101")
    hotel = {"mapping_type": "property", "internal_id": str(connected.hotel.id), "external_id": "1001"}

    for wanted in (
        {"mapping_type": "rate", "internal_id": str(plan.id), "external_id": "2001:16"},
        {"mapping_type": "room", "internal_id": str(room.id), "external_id": "2001:1"},
        hotel,
    ):
        assert administrator.post(LIST, body(connected, **wanted), format="json").status_code == 201

    assert ChannelMapping.objects.get(internal_id=plan.id).held_since is not None
    assert ChannelMapping.objects.get(internal_id=room.id).held_since is None


def test_a_removed_mapping_is_kept_and_can_be_made_again(administrator: APIClient, connected: ConnectedHotel) -> None:
    mapping = ChannelMapping.objects.get(internal_id=connected.double.id)
    again = body(connected, room_type=connected.double, external_id=mapping.external_id)

    asked = administrator.delete(f"{LIST}/{mapping.id}")
    assert (asked.status_code, asked.json()["errors"][0]["code"]) == (409, "not_confirmed")
    assert "room 2001 (Double Room) is closed at the channel" in asked.json()["errors"][0]["detail"]
    mapping.refresh_from_db()
    assert mapping.is_active is True
    assert administrator.delete(f"{LIST}/{mapping.id}?confirm=true").status_code == 204
    assert administrator.delete(f"{LIST}/{mapping.id}/").status_code == 204
    mapping.refresh_from_db()
    assert mapping.is_active is False
    answer = administrator.post(LIST, again, format="json").json()

    assert (answer["id"], answer["is_active"]) == (str(mapping.id), True)
    assert list(AuditEntry.objects.order_by("created_at").values_list("action", flat=True)) == [
        "mapping.removed",
        "mapping.created",
    ]


def test_two_removed_mappings_do_not_stand_in_the_way_of_a_crossed_one(
    administrator: APIClient, connected: ConnectedHotel
) -> None:
    for mapping in ChannelMapping.objects.all():
        administrator.delete(f"{LIST}/{mapping.id}?confirm=true")
    crossed = body(connected, room_type=connected.double, external_id="2002")

    assert administrator.post(LIST, crossed, format="json").status_code == 201

    left = ChannelMapping.objects.get(is_active=True)
    assert (left.internal_id, left.external_id) == (connected.double.id, "2002")


def test_a_mapping_is_changed_as_a_whole(administrator: APIClient, connected: ConnectedHotel) -> None:
    mapping = ChannelMapping.objects.get(internal_id=connected.double.id)
    wanted = body(connected, room_type=connected.double, external_id="2777")

    assert administrator.put(f"{LIST}/{mapping.id}", wanted, format="json").status_code == 409
    answer = administrator.put(f"{LIST}/{mapping.id}", {**wanted, "confirm": True}, format="json")

    assert (answer.status_code, answer.json()["external_id"]) == (200, "2777")
    entry = AuditEntry.objects.get()
    assert (entry.details["was"]["external_id"], entry.details["now"]["external_id"]) == (mapping.external_id, "2777")
    taken = body(connected, room_type=connected.double, external_id=connected.room_id(connected.single))
    assert administrator.put(f"{LIST}/{mapping.id}/", taken, format="json").status_code == 409
    assert administrator.put(f"{LIST}/{uuid4()}/", wanted, format="json").status_code == 404
    assert administrator.put(f"{LIST}/{mapping.id}/", {}, format="json").status_code == 400
    off = administrator.put(
        f"{LIST}/{mapping.id}/", {**wanted, "is_active": False, "confirm": True}, format="json"
    ).json()
    assert off["is_active"] is False


def payload(**changes: Any) -> dict[str, Any]:
    booking = {"id": 5000001, "propertyId": 1001, "roomId": 2001, "status": "new", "arrival": "2027-03-01"}
    return {**booking, "departure": "2027-03-04", "numAdult": 2, "price": 360, **changes}


def tried(client: APIClient, kind: str, **changes: Any) -> dict[str, Any]:
    answer = client.post(f"{LIST}/test", {"payload": payload(**changes), "mappingType": kind}, format="json")
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def test_a_payload_is_tried_in_the_plans_shape(administrator: APIClient, connected: ConnectedHotel) -> None:
    room = Room.objects.create(room_type=connected.double, number="101")
    ChannelMapping.objects.create(
        channel_property=connected.channel_property,
        mapping_type=MappingType.ROOM,
        internal_id=room.id,
        external_id="2001:1",
    )

    found = {"success": True, "mappingFound": True, "warnings": []}
    assert tried(administrator, "room_type") == {**found, "mappedInternalId": str(connected.double.id)}
    assert tried(administrator, "room", unitId=1) == {**found, "mappedInternalId": str(room.id)}
    assert tried(administrator, "property") == {**found, "mappedInternalId": str(connected.hotel.id)}
    whole = {"payload": {"timeStamp": "2027-01-01T00:00:00Z", "booking": payload()}, "mappingType": "room_type"}
    assert administrator.post(f"{LIST}/test/", whole, format="json").json()["success"] is True


@pytest.mark.parametrize(
    ("kind", "changes", "warning"),
    [
        ("room_type", {"roomId": 2999}, "Nothing is mapped to '2999'"),
        ("room", {"unitId": 7}, "Nothing is mapped to '2001:7'"),
        ("room", {}, "names no unit"),
        ("rate", {}, "names no rate plan"),
        ("room_type", {"propertyId": 7}, "No property is connected as '7'"),
        ("room_type", {"departure": "2027-02-01"}, "not after arrival"),
    ],
)
def test_what_would_go_wrong_is_told(
    administrator: APIClient, connected: ConnectedHotel, kind: str, changes: dict[str, Any], warning: str
) -> None:
    answer = tried(administrator, kind, **changes)

    assert (answer["success"], answer["mappingFound"], answer["mappedInternalId"]) == (False, False, None)
    assert warning in answer["warnings"][0]


def test_warnings_of_what_would_come_in_all_the_same(administrator: APIClient, connected: ConnectedHotel) -> None:
    connected.channel_property.status = "inactive"
    connected.channel_property.save()

    answer = tried(administrator, "room_type", roomQty=11)

    assert answer["success"] is True
    assert [warning.split(":")[0] for warning in answer["warnings"]] == [
        "The property is inactive",
        "10 free units for the whole stay, 11 are booked",
    ]
    ChannelMapping.objects.update(is_active=False)
    assert "switched off" in tried(administrator, "room_type")["warnings"][-1]


def test_a_test_that_is_no_test_is_refused(administrator: APIClient) -> None:
    for wrong in ({"payload": [], "mappingType": "room"}, {"payload": {}}, {"mappingType": "suite", "payload": {}}):
        assert administrator.post(f"{LIST}/test", wrong, format="json").status_code == 400
    other = {"payload": {}, "mappingType": "room", "channel_name": "unheard"}
    assert administrator.post(f"{LIST}/test", other, format="json").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("get", "", Role.VIEWER),
        ("get", "/{id}", Role.VIEWER),
        ("post", "/test", Role.OPERATOR),
        ("post", "", Role.ADMINISTRATOR),
        ("put", "/{id}", Role.ADMINISTRATOR),
        ("delete", "/{id}", Role.ADMINISTRATOR),
    ],
)
def test_each_action_needs_its_role(
    api_of: Api, connected: ConnectedHotel, method: str, path: str, needed: Role
) -> None:
    address = LIST + path.format(id=ChannelMapping.objects.first().id)  # type: ignore[union-attr]

    for role in (None, *Role):
        answer = getattr(api_of(role), method)(address)
        assert (answer.status_code == 403) == (role is None or role < needed), (role, answer.content)
