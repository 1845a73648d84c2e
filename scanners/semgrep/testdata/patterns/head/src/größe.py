größe = yaml.load(größe)
