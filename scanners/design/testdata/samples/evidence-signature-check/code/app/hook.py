if not hmac.compare_digest(a, b):
    raise Forbidden()
