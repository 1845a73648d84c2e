import jwt


def subject(raw):
    return jwt.decode(raw, options={"verify_signature": False})["sub"]
