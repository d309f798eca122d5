"""The description describes what it has to, and makes sense itself."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from channel_sync.channels.beds24.simulator.app import API_PREFIX, Simulator
from tests.conformance import description as descriptions
from tests.conformance.description import FILES, description
from tests.conformance.samples import LISTED_BOOKING


def test_a_booking_has_73_fields_of_which_three_are_asked_for_and_guests() -> None:
    listed = description().shapes["booking_listed"]

    assert len(set(listed["properties"]) - {"guests"}) == 73
    assert set(listed["required"]) == set(LISTED_BOOKING)
    assert set(listed["properties"]) - set(listed["required"]) == {
        "bookingGroup",
        "invoiceItems",
        "infoItems",
        "guests",
    }


def test_every_endpoint_of_the_simulator_is_described_and_no_other() -> None:
    served = {
        f"{method} {rule.rule.removeprefix(API_PREFIX)}"
        for rule in Simulator().routes.iter_rules()
        if rule.rule.startswith(API_PREFIX)
        for method in (rule.methods or set()) - {"HEAD"}
    }

    assert served == set(description().endpoints)


def test_an_entry_that_makes_no_sense_is_found() -> None:
    with pytest.raises(ValueError, match="hearsay"):
        descriptions._strict({"type": "string", "source": "hearsay"})
    with pytest.raises(ValueError, match="no shape 'bokking'"):
        descriptions._reference("bokking", description().shapes)


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.glob("*.yaml")))
def test_each_file_says_what_it_is_about(name: str) -> None:
    assert (FILES / name).read_text().startswith("# ")


def test_shapes_and_parameters_are_json_schema() -> None:
    known = description()

    Draft202012Validator.check_schema({"$defs": known.shapes})
    for endpoint in known.endpoints.values():
        for entry in (*endpoint.header_schemas.values(), *endpoint.query_schemas.values()):
            Draft202012Validator.check_schema(entry)


def test_what_a_list_takes_is_what_a_webhook_shows() -> None:
    shapes = description().shapes
    shown = set(shapes["webhook_booking"]["properties"])

    assert shown == set(shapes["booking_listed"]["properties"]) - {"invoiceItems", "infoItems", "guests"}
    assert set(shapes["webhook_booking_without_personal_data"]["properties"]) < shown
