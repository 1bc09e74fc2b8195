"""Runs one command for as long as standard input stays open.

mlferry holds the other end of that pipe. When it goes away, in whatever way (an ordinary end, a panic, kill -9), the
pipe reaches its end here, and the command and every process that it started are ended.
"""

import os
import select
import signal
import subprocess
import sys

GRACE_SECONDS = 3
POLL_SECONDS = 0.2


def ignore(_number, _frame):
    """Does nothing. A handler, because SIG_IGN itself would be inherited by the command."""


def hang_up(_number, _frame):
    raise SystemExit(143)


def signal_group(child, number):
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left


def stop(child):
    signal_group(child, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    # Workers may outlive the process that leads them.
    signal_group(child, signal.SIGKILL)
    return child.wait()


def parent_is_gone():
    readable, _, _ = select.select([0], [], [], POLL_SECONDS)
    return bool(readable) and not os.read(0, 4096)


def main():
    # The terminal's Ctrl-C is for mlferry: it may still be draining, and needs its server meanwhile.
    signal.signal(signal.SIGINT, ignore)
    signal.signal(signal.SIGHUP, ignore)
    signal.signal(signal.SIGTERM, hang_up)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        while child.poll() is None and not parent_is_gone():
            pass
    finally:
        code = stop(child)
    sys.exit(code if code >= 0 else 128 - code)


main()
