import requests

# requests.get("https://old.provider.eu")
ROLES = "roles"


def roles(claims):
    return claims.get("https://claims.provider.eu/roles", [])
