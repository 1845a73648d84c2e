import os

# os.environ["OLD_API_KEY"] was needed until 2.0
TIMEOUT = os.environ.get("TOKEN_TTL", "60")
PASSWORD_MIN_LENGTH = 12
