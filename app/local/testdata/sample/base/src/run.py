import pickle


def load(text):
    return pickle.loads(text)
