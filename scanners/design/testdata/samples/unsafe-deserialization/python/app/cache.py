import pickle


def load(raw):
    return pickle.loads(raw)
