"""Addresses of the PMS API."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from pms_project.pms.api.hotel_views import HotelsViewSet, RatePlanViewSet, RateViewSet
from pms_project.pms.api.views import (
    MaintenanceBlockViewSet,
    ReservationViewSet,
    RoomTypeViewSet,
    RoomViewSet,
)

router = DefaultRouter()
router.register("reservations", ReservationViewSet)
router.register("maintenance-blocks", MaintenanceBlockViewSet)
router.register("room-types", RoomTypeViewSet)
router.register("rooms", RoomViewSet)
router.register("hotels", HotelsViewSet)
router.register("rate-plans", RatePlanViewSet)
router.register("rates", RateViewSet)

urlpatterns = [path("", include(router.urls))]
