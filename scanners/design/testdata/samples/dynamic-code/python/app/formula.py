def compute(expression, row):
    return eval(expression, {}, row)
