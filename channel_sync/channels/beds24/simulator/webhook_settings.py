"""The webhook settings of a property, as `/properties` reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Version(StrEnum):
    """What a delivery looks like."""

    ONE = "one"
    TWO_NO_PERSONAL_DATA = "twoNoPersonalData"
    TWO_WITH_PERSONAL_DATA = "twoWithPersonalData"


class Form(StrEnum):
    """How a delivery is written: a GET with a query, or a POST of form fields, an object, or an array of one."""

    QUERY = "query"
    FIELDS = "fields"
    OBJECT = "object"
    ARRAY = "array"


BODIES = (Form.FIELDS, Form.OBJECT, Form.ARRAY)


class AdditionalData(StrEnum):
    """What of a card is delivered."""

    NONE = "none"
    CVC = "CVC"
    TOKEN = "token"  # noqa: S105
    CVC_AND_TOKEN = "CVCAndToken"  # noqa: S105

    @property
    def has_cvc(self) -> bool:
        """Whether the code on the card is part of it."""
        return self in (AdditionalData.CVC, AdditionalData.CVC_AND_TOKEN)

    @property
    def has_token(self) -> bool:
        """Whether the token of the card is part of it."""
        return self in (AdditionalData.TOKEN, AdditionalData.CVC_AND_TOKEN)


@dataclass(frozen=True)
class WebhookSettings:
    """Where the changes of a property are sent, and how; a new property sends nothing.

    `url` and `custom_header` hold one a line. The last two are no settings of Beds24: `signing_secret` makes the
    simulator sign like a gateway in front of the receiver, and `form` is how it writes what is JSON.
    """

    version: Version = Version.ONE
    url: str = ""
    additional_data: AdditionalData = AdditionalData.NONE
    custom_header: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    form: Form = Form.OBJECT

    @property
    def urls(self) -> list[str]:
        """Each address that is delivered to."""
        return _lines(self.url)

    @property
    def headers(self) -> dict[str, str]:
        """The custom headers by name."""
        parts = (line.partition(":") for line in _lines(self.custom_header))
        return {name.strip(): value.strip() for name, _, value in parts}

    def shown(self) -> dict[str, str]:
        """The settings as `GET /properties` shows them."""
        return {
            "version": self.version,
            "url": self.url,
            "additionalData": self.additional_data,
            "customHeader": self.custom_header,
        }

    def changed(self, changes: Mapping[str, Any]) -> WebhookSettings:
        """The settings after a POST; changes have been judged before."""
        values = {**self.shown(), **changes}
        return replace(
            self,
            version=Version(values["version"]),
            url=values["url"],
            additional_data=AdditionalData(values["additionalData"]),
            custom_header=values["customHeader"],
        )


FIELDS = tuple(WebhookSettings().shown())


def invalid_fields(changes: Mapping[str, Any]) -> list[str]:
    """The fields of a POST whose value cannot be taken."""
    return [name for name, value in changes.items() if name in FIELDS and not _is_valid(name, value)]


def _is_valid(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if name == "version":
        return value in list(Version)
    if name == "additionalData":
        return value in list(AdditionalData)
    if name == "url":
        return all(line.startswith(("http://", "https://")) for line in _lines(value))
    return all(line.partition(":")[0].strip() and ":" in line for line in _lines(value))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
