"""The host's addresses and the bare view."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from pms_project.urls import urlpatterns as host_patterns


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """Insert the body as one row and commit."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_rows (body) VALUES (%s)", [request.body.decode()])
    return JsonResponse({"status": "accepted"})


urlpatterns = [path("bare/", bare), *host_patterns]
