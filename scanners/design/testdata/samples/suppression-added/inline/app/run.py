import subprocess

subprocess.run(cmd, shell=True)  # noqa: S602
