import yaml
# ast-grep-ignore
yaml.load(text)  # ast-grep-ignore: yaml-load
