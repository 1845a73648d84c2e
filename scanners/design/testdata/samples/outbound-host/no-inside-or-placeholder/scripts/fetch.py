import requests

requests.get("https://download.provider.eu/data.csv")
