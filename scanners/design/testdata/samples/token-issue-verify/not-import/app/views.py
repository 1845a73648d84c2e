import jwt

from .models import Order
