import zipfile


def unpack(path, target):
    with zipfile.ZipFile(path) as archive:
        archive.extractall(target)
