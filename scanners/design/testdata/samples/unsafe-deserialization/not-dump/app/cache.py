import pickle


def save(value):
    return pickle.dumps(value)
