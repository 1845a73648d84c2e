import subprocess
subprocess.call(cmd, shell=True)
subprocess.call(x, shell=True)  # nosemgrep
