import jwt


def subject(raw):
    return jwt.decode(raw, KEY, algorithms=["RS256"], audience="api")["sub"]
