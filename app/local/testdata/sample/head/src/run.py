import pickle
import subprocess


class Loader:
    def load(self, text):
        return pickle.loads(text)

    def run(self, command):
        return subprocess.call(command, shell=True)
