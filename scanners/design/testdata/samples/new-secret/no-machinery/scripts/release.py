import os

token = os.environ["RELEASE_TOKEN"]
