import hashlib
from cryptography.exceptions import InvalidSignature


def etag(body):
    return hashlib.sha256(body).hexdigest()
