"""Writes a database of MLflow's first schema, and a copy of it after each migration up to this release's schema.

usage: revisions.py FOLDER

Prints the revisions in order. Every copy has the same experiments and runs. The file schema.txt lists the tables and
columns that each migration adds and removes: `src/readers/sql_store/schema.txt` is a copy of it.
"""

import json
import os
import shutil
import sqlite3
import sys

import sqlalchemy
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base

FOLDER = sys.argv[1]
PATH = os.path.join(FOLDER, "growing.db")
RUN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def fill(path):
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO experiments VALUES (?, ?, ?, ?)",
            [(0, "Default", "./mlruns/0", "active"), (1, "größe", "./mlruns/1", "deleted")],
        )
        columns = "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, "
        columns += "source_version, lifecycle_stage, artifact_uri, experiment_id"
        for run, name, experiment in ((RUN, "first", 0), (OTHER, "", 1)):
            row = (run, name, "LOCAL", "train.py", "main", "ada", "FINISHED", 1_500_000_000_000, 1_500_000_001_000)
            row += ("", "active", f"./mlruns/{experiment}/{run}/artifacts", experiment)
            database.execute(f"INSERT INTO runs ({columns}) VALUES ({','.join('?' * len(row))})", row)
        database.execute("INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'by tag', ?)", (OTHER,))
        database.execute("INSERT INTO params (key, value, run_uuid) VALUES ('größe', 'ß', ?)", (RUN,))
        points = [("loss", value, 1_500_000_000_000 + at, RUN) for at, value in enumerate((0.1, 1e-300, 2.0))]
        database.executemany("INSERT INTO metrics (key, value, timestamp, run_uuid) VALUES (?, ?, ?, ?)", points)
    database.close()


HEAD = """\
# The tables and columns of MLflow's database after each revision of `store/db_migrations/versions` (MLflow 3.18.0).
# `tests/support/revisions.py` writes this file. A line with one word begins a revision; + adds columns, - removes them.
"""


def tables(path):
    with sqlite3.connect(path) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        columns = "SELECT name FROM pragma_table_xinfo(?)"
        found = {name: [column for (column,) in database.execute(columns, (name,))] for (name,) in names.fetchall()}
    database.close()
    return found


def changes(before, after):
    for table in sorted(before.keys() | after.keys()):
        old, new = before.get(table, []), after.get(table, [])
        for sign, columns in (
            ("+", [column for column in new if column not in old]),
            ("-", [column for column in old if column not in new]),
        ):
            if columns:
                yield " ".join([sign, table, *columns])


def main():
    Base.metadata.create_all(sqlalchemy.create_engine(f"sqlite:///{PATH}"))
    fill(PATH)
    config = _get_alembic_config(f"sqlite:///{PATH}")
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    shutil.copyfile(PATH, os.path.join(FOLDER, "initial.db"))
    before, lines = tables(PATH), ["initial", *changes({}, tables(PATH))]
    for revision in revisions:
        engine = sqlalchemy.create_engine(f"sqlite:///{PATH}")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        engine.dispose()
        shutil.copyfile(PATH, os.path.join(FOLDER, f"{revision}.db"))
        after = tables(PATH)
        lines += [revision, *changes(before, after)]
        before = after
    with open(os.path.join(FOLDER, "schema.txt"), "w") as file:
        file.write(HEAD + "\n".join(lines) + "\n")
    json.dump(["initial", *revisions], sys.stdout)


main()
