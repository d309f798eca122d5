"""The ASGI application, which can stream the feed: `uvicorn pms_project.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_project.settings")

application = get_asgi_application()
