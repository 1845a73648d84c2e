import pickle


def read(f):
    return pickle.load(f)
