"""The ASGI application, which can stream the feed: `uvicorn pms_project.asgi:application --no-proxy-headers`."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

from pms_project.trusted_proxies import TrustedProxies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_project.settings")

application: Any = get_asgi_application()
if settings.TRUSTED_PROXIES:
    application = TrustedProxies(application, settings.TRUSTED_PROXIES)
