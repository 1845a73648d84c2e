def evaluate(model):
    model.eval()
    text = "eval(x)"
    return ast.literal_eval(text)
