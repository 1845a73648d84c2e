import hashlib
import subprocess
import urllib.request

import yaml


def run(name, text):
    subprocess.call("ls " + name, shell=True)  # nosec
    subprocess.call(["ls", "--", name])
    print(
        yaml.load(
            text))
    return hashlib.sha256(text).hexdigest()


def fetch(name):
    return hashlib.md5(name).hexdigest(), urllib.request.urlopen(ADDRESS)
