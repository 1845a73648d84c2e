import subprocess


def pdf(source, target):
    subprocess.run(["pandoc", source, "-o", target], check=True)
