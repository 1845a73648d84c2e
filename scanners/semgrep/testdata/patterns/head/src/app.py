import subprocess
import yaml

def load(document):
    return yaml.load(document)


def convert(name):
    subprocess.run("convert " + name, shell=True)
    return yaml.load(name)
