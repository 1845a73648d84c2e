import yaml


def load(document):
    return yaml.load(document)
