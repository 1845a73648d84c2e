import hashlib
import yaml

def load(document):
    return yaml.load(document)

def both(größe, one):
    return größe, yaml.load(one), hashlib.md5(one)
