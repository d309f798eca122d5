"""What has to be right at a channel before a property can work there: permissions, webhook, currency, time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Permissions:
    """What a login may not do; `missing` keeps the property from working, `limits` say what will not be there."""

    missing: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class WebhookTarget:
    """Where webhooks have to go, and the header that proves where they come from."""

    url: str
    header: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class WebhookState:
    """How the webhooks of a property are set at the channel.

    `wrong_form` says what is wrong with what they hold, and what to choose instead; `card_data` names the data of cards
    that they carry. Both are empty when all is well.
    """

    urls: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    wrong_form: str = ""
    card_data: str = ""

    def shortcomings(self, target: WebhookTarget) -> list[str]:
        """What a person would have to change so that webhooks arrive at the target, and nothing else with them."""
        found = []
        if target.url not in self.urls:
            found.append(f"Enter the webhook address {target.url}.")
        if self._header(target.header) != target.secret:
            found.append(f"Enter the custom header '{target.header}' with the webhook secret.")
        if self.wrong_form:
            found.append(self.wrong_form)
        if self.card_data:
            found.append(f"Set the additional data, now '{self.card_data}', to none.")
        return found

    def others(self, target: WebhookTarget) -> list[str]:
        """Addresses of somebody else."""
        return [url for url in self.urls if url != target.url]

    def _header(self, name: str) -> str | None:
        return {known.casefold(): value for known, value in self.headers.items()}.get(name.casefold())


@dataclass(frozen=True)
class PropertySetup:
    """A property as it is set up at the channel; a currency or time zone that the channel does not say is empty."""

    external_id: str
    currency: str = ""
    time_zone: str = ""
    webhook: WebhookState = field(default_factory=WebhookState)
