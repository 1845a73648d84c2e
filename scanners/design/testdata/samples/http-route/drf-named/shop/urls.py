from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from shop.views import OrderViewSet, ProductViewSet

v2_api = DefaultRouter()
v2_api.register(r"products", ProductViewSet, basename="product")
v2_api.register(r"orders", OrderViewSet)
signals.register("orders", OrderViewSet)

urlpatterns = [path("api/v2/", include(v2_api.urls))]
