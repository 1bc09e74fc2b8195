"""Runs a command, and prints how long it took and what it held in memory at most, as JSON."""

import json
import resource
import subprocess
import sys
import time

started = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
seconds = time.monotonic() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
# macOS counts bytes, the others kibibytes.
print(json.dumps({"code": code, "seconds": seconds, "peak": peak if sys.platform == "darwin" else peak * 1024}))
