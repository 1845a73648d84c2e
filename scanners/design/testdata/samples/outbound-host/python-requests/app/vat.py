import os

import requests

VAT_URL = os.getenv("VAT_URL", "https://vat.service.eu/check")


def check(number):
    return requests.post("https://api.vatlayer.net/validate", json={"n": number}, timeout=5)
