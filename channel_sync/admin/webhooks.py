"""The webhook of a property in the admin: look at it, set it at the channel, give it a new secret."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channel_sync.admin.role_admin import RoleAdmin, actor, refusals_told
from channel_sync.conf import channel_sync_settings
from channel_sync.models import ChannelProperty, WebhookVerification
from channel_sync.operations.setup_report import SetupReport
from channel_sync.operations.webhook_address import webhook_url
from channel_sync.operations.webhooks import check_webhook, rotate_secret, set_webhook

CHECK, SET, ROTATE, ROTATE_AND_SET = "webhook-check", "webhook-set", "webhook-rotate", "webhook-rotate-set"
WEBHOOK_ACTIONS = (CHECK, SET, ROTATE, ROTATE_AND_SET)
SETTING_MEANS = (
    'The address, the version, the secret header and "no data of cards" are set at the channel, and read back.',
    "Addresses and headers that are set there for others stay; they get version 2 and the secret header too.",
)
ROTATING_MEANS = (
    "A new secret is made, and shown once on the next page.",
    "The old one is taken beside it until a webhook has brought the new one. No webhook is refused meanwhile.",
)


@dataclass(frozen=True)
class Shown:
    """What the page shows; a secret only when it was made a moment ago."""

    setup: SetupReport
    secret: str = field(default="", repr=False)
    is_header: bool = True


def webhook_page(
    admin: RoleAdmin, request: HttpRequest, channel_property: ChannelProperty, wanted: str
) -> HttpResponse:
    """Ask first, then act; the page says how the webhook is set up and what is left to do."""
    if wanted != CHECK and "confirmed" not in request.POST:
        rotates, sets = wanted in (ROTATE, ROTATE_AND_SET), wanted in (SET, ROTATE_AND_SET)
        verbs = [verb for verb, is_done in (("rotate the secret", rotates), ("set the webhook", sets)) if is_done]
        return admin.confirm_page(
            request,
            title=f"{' and '.join(verbs).capitalize()} of {channel_property}?",
            verb=" and ".join(verbs),
            fields={"do": wanted},
            back=request.path,
            consequences=(*(ROTATING_MEANS if rotates else ()), *(SETTING_MEANS if sets else ())),
        )
    url = webhook_url(request, channel_property.channel_name)
    shown: Shown | None = None
    with refusals_told(request):
        shown = _done(channel_property, wanted, url, actor(request))
    if shown is None:
        return HttpResponseRedirect(request.path)
    context = {
        **admin.admin_site.each_context(request),
        "title": f"Webhook of {channel_property}",
        "opts": admin.opts,
        "channel_property": channel_property,
        "shown": shown,
        "webhook_url": url,
        "webhook_header": channel_sync_settings().webhook_secret_header,
    }
    return TemplateResponse(request, "admin/channel_sync/webhook.html", context)


def _done(channel_property: ChannelProperty, wanted: str, url: str, by: str) -> Shown:
    if wanted == CHECK:
        return Shown(check_webhook(channel_property, url))
    if wanted == SET:
        return Shown(set_webhook(channel_property, url, by=by))
    rotated = rotate_secret(channel_property, url, by=by, at_channel=wanted == ROTATE_AND_SET)
    return Shown(rotated.setup, rotated.secret, rotated.verification is WebhookVerification.HEADER)
