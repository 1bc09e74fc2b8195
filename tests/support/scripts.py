"""Runs scripts, each in a process of its own that has MLflow imported already: that takes longer than most scripts.

Each line of the input is a JSON object: `script`, `args`, `env`, and the files `stdout` and `stderr`. The answer is a
line with the script's exit code.
"""

import json
import os
import runpy
import sys
import traceback

import mlflow  # noqa: F401 (it is what takes long)

try:
    import boto3  # noqa: F401
except ImportError:
    pass  # only the stand-in of AWS has it


def run(job):
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    os.close(0)
    os.environ.update(job["env"])
    sys.argv = [job["script"], *job["args"]]
    sys.path[0] = os.path.dirname(job["script"])
    runpy.run_path(job["script"], run_name="__main__")


def code_of(job):
    try:
        run(job)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main():
    answers = os.fdopen(os.dup(1), "w")
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            code = code_of(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, file=answers, flush=True)


main()
