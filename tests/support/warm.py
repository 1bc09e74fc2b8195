"""Has imported MLflow, and runs scripts and servers in copies of itself: the import takes longer than most of them.

usage: warm.py SOCKET DATABASES

Each connection to SOCKET is one job, a JSON object. A script has `script`, `args`, `env`, and the files `stdout` and
`stderr`. A program has `argv`, `env` and `cwd`, and comes with its three standard streams; it is run by
`assets/demo/serve.py`. The answer is the exit code. DATABASES is the folder for databases that have tables and no rows:
with a copy of one, a server does not run all migrations. The process ends when its standard input is closed.
"""

import array
import gc
import importlib
import inspect
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import traceback

MODULES = [
    "uvicorn.protocols.http.auto",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.sync",
    "mlflow",
    "mlflow.cli",
    "mlflow.server.fastapi_app",
    "mlflow.server.handlers",
    "mlflow.store.db.utils",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "aiohttp.web",
    "boto3",
    "moto.iam.models",
    "moto.moto_server.werkzeug_app",
    "moto.s3.models",
    "moto.sts.models",
]
# These read variables when they are imported, or MLflow looks for them in `sys.modules`: every program imports them anew.
READ_VARIABLES = ("gunicorn", "mlflow.server", "uvicorn")
SOCKET, DATABASES = sys.argv[1:]
MAX_FILES = 256
SERVE = os.path.join(os.path.dirname(__file__), "../../assets/demo/serve.py")
SQLITE = "sqlite:///mlflow.db"
POPEN = subprocess.Popen
SIGNALS = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD]


class Forked(POPEN):
    """Runs a Python program in a copy of this process."""

    def _execute_child(self, args, *rest):
        given = inspect.signature(POPEN._execute_child).bind(self, args, *rest).arguments
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.dup2(given["p2cread"], 0)
            os.closerange(3, MAX_FILES)
            leave(lambda: program(args[1:], None, None))
        self._child_created = True
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[name] for name in names))


class Spare(POPEN):
    """Runs a Python program in the copy of this process that was made before the process opened the database."""

    def _execute_child(self, args, *rest):
        given = inspect.signature(POPEN._execute_child).bind(self, args, *rest).arguments
        words = ["-m", *args] if args[0] == "gunicorn" else args[1:]  # MLflow 1
        is_plain = all(given[name] == -1 for name in ("p2cread", "c2pwrite", "errwrite"))
        if args[0] not in ("gunicorn", sys.executable) or not is_plain or not Spare.jobs:
            return super()._execute_child(args, *rest)
        self.pid, jobs = Spare.jobs.pop()
        self._child_created = True
        with os.fdopen(jobs, "w") as jobs:
            json.dump([words, given["cwd"], given["env"]], jobs)

    jobs = []  # one at most

    @classmethod
    def make(cls):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            with os.fdopen(reader) as reader:
                job = reader.read()
            leave(lambda: program(*json.loads(job)) if job else None)
        os.close(reader)
        cls.jobs.append((pid, writer))


def program(words, cwd, env):
    """Does what Python does with these arguments."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if cwd is not None:
        os.chdir(cwd)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    for module in [name for name in sys.modules if name.startswith(READ_VARIABLES)]:
        del sys.modules[module]
    subprocess.Popen = POPEN
    how, *args = words
    if how == "-c":
        copy_database(args)
        Spare.make()
        subprocess.Popen = Spare
        sys.argv = ["-c", *args[1:]]
        exec(compile(args[0], "<string>", "exec"), {"__name__": "__main__"})
    elif how == "-m":
        sys.argv = args
        sys.path[0] = os.getcwd()
        runpy.run_module(args[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path[0] = os.path.dirname(os.path.abspath(how))
        runpy.run_path(how, run_name="__main__")


def copy_database(args):
    if SQLITE not in args or os.path.exists("mlflow.db"):
        return
    empty = os.path.join(DATABASES, f"{os.path.basename(sys.prefix)}.db")
    if not os.path.exists(empty):
        make_database(f"{empty}.{os.getpid()}")
        os.replace(f"{empty}.{os.getpid()}", empty)
    shutil.copyfile(empty, "mlflow.db")


def make_database(path):
    """In a process of its own, which then has no connection to it."""
    maker = os.fork()
    if maker == 0:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        leave(lambda: SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/"))
    assert os.waitpid(maker, 0)[1] == 0, "the database cannot be made"
    with sqlite3.connect(path) as database:
        for table in ("experiment_tags", "experiments"):
            database.execute(f"DELETE FROM {table}")  # a server adds the default experiment, with its own location
    database.close()


def script(job):
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    os.environ.update(job["env"])
    sys.argv = [job["script"], *job["args"]]
    sys.path[0] = os.path.dirname(job["script"])
    runpy.run_path(job["script"], run_name="__main__")


def serve(job, streams):
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    os.setsid()
    subprocess.Popen = Forked
    sys.argv = ["serve.py", *job["argv"]]
    runpy.run_path(SERVE, run_name="__main__")


def code_of(work):
    try:
        work()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(work):
    """Ends this copy with the exit code of its work."""
    code = code_of(work)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def answer(connection):
    """Does one job in a copy of this process, and reports its exit code from another."""
    message, streams = b"", array.array("i")
    while not message.endswith(b"\n"):
        data, extra, *_ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(3 * streams.itemsize))
        if not data:
            return
        message += data
        for _, _, numbers in extra:
            streams.frombytes(numbers)
    job = json.loads(message)
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        leave(lambda: serve(job, streams) if streams else script(job))
    for stream in streams:
        os.close(stream)
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    try:
        connection.sendall(f"{code}\n".encode())
    except OSError:
        pass  # nobody waits for it


def import_modules():
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError:
            pass  # not every release has it
    gc.freeze()


def main():
    import_modules()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(SOCKET)
    listener.listen(64)
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ready = selectors.DefaultSelector()
    ready.register(0, selectors.EVENT_READ)
    ready.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj == 0:
                os.unlink(SOCKET)
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                ready.close()
                listener.close()
                leave(lambda: answer(connection))
            connection.close()


main()
