"""Fills a store of MLflow quickly, with runs that a script would log.

usage: fill.py sqlite FILE RUNS KEYS POINTS   (FILE: a database that MLflow 3.10 has created)
       fill.py folder FOLDER RUNS

The experiment `big` gets all runs; a database also gets `sample`, with 40 runs of the same shape.
"""

import os
import sqlite3
import sys
import uuid

START = 1_700_000_000_000
PARAMS, TAGS = 10, 5
SAMPLE = 40


def sqlite(path, runs, keys, points):
    database = sqlite3.connect(path)
    database.execute("pragma synchronous = off")
    names = [column[1] for column in database.execute("pragma table_info(experiments)")]
    for number, (name, count) in enumerate([("big", runs), ("sample", SAMPLE)], 1):
        row = {"experiment_id": number, "name": name, "artifact_location": f"mlflow-artifacts:/{number}"}
        row |= {"lifecycle_stage": "active", "creation_time": START, "last_update_time": START, "workspace": "default"}
        insert(database, "experiments", {key: value for key, value in row.items() if key in names})
        for index in range(count):
            run = fill_run(database, number, index, keys, points)
        # One run has a file, so that the place of the others is known.
        place = os.path.join(os.path.dirname(path), "artifacts", str(number), run, "artifacts")
        write(place, "model.bin", "x" * 10_000)
    database.commit()


def insert(database, table, row):
    marks = ", ".join("?" * len(row))
    database.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def fill_run(database, experiment, index, keys, points):
    run, time = uuid.uuid4().hex, START + index
    row = {"run_uuid": run, "name": f"run {index}", "source_type": "LOCAL", "user_id": "ada", "status": "FINISHED"}
    row |= {"start_time": time, "end_time": time + 1000, "lifecycle_stage": "active", "experiment_id": experiment}
    row["artifact_uri"] = f"mlflow-artifacts:/{experiment}/{run}/artifacts"
    insert(database, "runs", row)
    params = [(f"param {at}", str(at), run) for at in range(PARAMS)]
    database.executemany("insert into params (key, value, run_uuid) values (?, ?, ?)", params)
    tags = [(f"tag {at}", str(at), run) for at in range(TAGS)] + [("mlflow.runName", f"run {index}", run)]
    database.executemany("insert into tags (key, value, run_uuid) values (?, ?, ?)", tags)
    columns = "(key, value, timestamp, step, is_nan, run_uuid) values (?, ?, ?, ?, 0, ?)"
    for key in range(keys):
        history = [(f"metric {key}", (index * 31 + at) * 0.001, START + at, at, run) for at in range(points)]
        database.executemany(f"insert into metrics {columns}", history)
        database.execute(f"insert into latest_metrics {columns}", history[-1])
    return run


def folder(path, runs):
    experiment = os.path.join(path, "1")
    write(experiment, "meta.yaml", META.format(experiment))
    for index in range(runs):
        run = uuid.uuid4().hex
        place = os.path.join(experiment, run)
        write(place, "meta.yaml", RUN_META.format(run=run, time=START + index, end=START + index + 1000))
        for at in range(PARAMS):
            write(os.path.join(place, "params"), f"param {at}", str(at))
        for name in [f"tag {at}" for at in range(TAGS)]:
            write(os.path.join(place, "tags"), name, name)
        write(os.path.join(place, "tags"), "mlflow.runName", f"run {index}")
        for key in range(3):
            lines = [f"{START + at} {(index * 31 + at) * 0.001} {at}\n" for at in range(20)]
            write(os.path.join(place, "metrics"), f"metric {key}", "".join(lines))
        write(os.path.join(place, "artifacts"), "model.bin", "x" * 10_000)


META = """artifact_location: {}
creation_time: 1700000000000
experiment_id: '1'
last_update_time: 1700000000000
lifecycle_stage: active
name: big
"""
RUN_META = """artifact_uri: ./1/{run}/artifacts
end_time: {end}
entry_point_name: ''
experiment_id: '1'
lifecycle_stage: active
run_id: {run}
run_name: run
run_uuid: {run}
source_name: ''
source_type: 4
source_version: ''
start_time: {time}
status: 3
tags: []
user_id: ada
"""


def write(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)


what, place, *numbers = sys.argv[1:]
{"sqlite": sqlite, "folder": folder}[what](place, *map(int, numbers))
