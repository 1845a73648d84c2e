eval(name)
