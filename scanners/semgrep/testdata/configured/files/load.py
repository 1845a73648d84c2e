import yaml
yaml.load(open("a").read())  # nosemgrep
