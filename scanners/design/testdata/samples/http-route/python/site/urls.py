from django.urls import include, path, re_path
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register(r"reports", ReportViewSet)
urlpatterns = [
    path("export/<int:pk>/", views.export, name="export"),
    re_path(r"^finding/(?P<fid>[0-9]+)/view$", views.finding),
    path("accounts/", include("allauth.urls")),
]
