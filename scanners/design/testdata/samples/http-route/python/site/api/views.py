from rest_framework.decorators import action


class ReportViewSet(ModelViewSet):
    @action(detail=True, methods=["post"], url_path="close")
    def close_report(self, request, pk=None):
        return None
