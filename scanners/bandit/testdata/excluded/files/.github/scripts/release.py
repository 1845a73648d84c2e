import yaml

yaml.load(open("settings"))
