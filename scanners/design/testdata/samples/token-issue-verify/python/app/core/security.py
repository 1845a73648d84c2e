import jwt

ALGORITHM = "HS256"


def create_access_token(subject, expires):
    return jwt.encode({"sub": subject, "exp": expires}, SECRET_KEY, algorithm=ALGORITHM)
