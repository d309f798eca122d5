"""The Celery app of the host: `celery -A pms_project worker`. `pms.apps` adds the queues of channel_sync."""

import os

from celery import Celery

from channel_sync.task_packages import TASK_PACKAGES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_project.settings")

app = Celery("pms_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(TASK_PACKAGES)
