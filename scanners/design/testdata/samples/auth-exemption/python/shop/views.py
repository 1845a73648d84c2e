from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import (
    AllowAny,
    IsAuthenticated,
)


@csrf_exempt
@require_POST
def ipn(request):
    return None


class SignUp(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []


@api_view(["POST"])
@permission_classes([AllowAny])
def register(request):
    return None
