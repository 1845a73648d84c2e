import subprocess

subprocess.run(["git", "tag", version])
