from cryptography.fernet import Fernet


def box(key):
    return Fernet(key)
