from rest_framework.permissions import AllowAny, IsAuthenticated


class Me(APIView):
    permission_classes = [IsAuthenticated]
    text = "permission_classes = [AllowAny]"
