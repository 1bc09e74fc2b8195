"""Stands in for `assets/demo/serve.py`: the process that has imported MLflow (`warm.py`) runs the command instead."""

import array
import json
import os
import signal
import socket
import sys


def main():
    # As in serve.py: the terminal's Ctrl-C is for mlferry.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    job = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}
    with socket.socket(socket.AF_UNIX) as warm:
        warm.connect(os.environ["MLFERRY_TESTS_WARM"])
        streams = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
        message = json.dumps(job).encode() + b"\n"
        sent = warm.sendmsg([message], [streams])
        warm.sendall(message[sent:])
        os.close(0)
        code = warm.makefile().readline()
    sys.exit(int(code or 1))


main()
