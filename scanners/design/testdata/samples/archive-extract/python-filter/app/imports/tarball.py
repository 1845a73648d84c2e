import tarfile


def unpack(path, target):
    archive = tarfile.open(path)
    archive.extractall(target, filter="data")
