"""Fills a tracking server over a file store with experiments, and damages one run or one experiment of each on disk.

usage: damage.py URL ARTIFACTS MLRUNS

Each experiment is called after what is wrong in it and holds the runs "first", "damaged" and "last", each with a
param, a tag, two metrics and a file. Prints a JSON object: experiment name to the id of the damaged run.
"""

import json
import os
import shutil
import sys

from server import LONG_AGO, connect

MLRUNS = sys.argv[3]


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def without(path, field):
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith(f"{field}:")]
    write(path, "".join(lines).encode())


# What happens to the folder of the damaged run.
RUNS = {
    "run without meta.yaml": lambda run: os.remove(f"{run}/meta.yaml"),
    "run with an empty meta.yaml": lambda run: write(f"{run}/meta.yaml", b""),
    "run with a torn meta.yaml": lambda run: write(f"{run}/meta.yaml", b"artifact_uri: [\n\x00"),
    "run without a status": lambda run: without(f"{run}/meta.yaml", "status"),
    "run of another experiment": lambda run: without(f"{run}/meta.yaml", "experiment_id") or append(run),
    "empty metric": lambda run: write(f"{run}/metrics/acc", b""),
    "torn metric": lambda run: write(f"{run}/metrics/acc", b"1612325106789 0.5 0\n16123251"),
    "binary metric": lambda run: write(f"{run}/metrics/acc", b"\xff\xfe\x00"),
    "metric with an impossible name": lambda run: write(f"{run}/metrics/a?b", b"1612325106789 0.5 0\n"),
    "empty param and tag": lambda run: write(f"{run}/params/p", b"") or write(f"{run}/tags/t", b""),
    "param with an impossible name": lambda run: write(f"{run}/params/a?b", b"1"),
    "tag with an impossible name": lambda run: write(f"{run}/tags/a?b", b"1"),
    "binary tag": lambda run: write(f"{run}/tags/t", b"\xff\xfe\x00"),
    "run without an artifacts folder": lambda run: shutil.rmtree(f"{run}/artifacts"),
    "run without empty folders": lambda run: [shutil.rmtree(f"{run}/{of}") for of in ("artifacts", "params", "metrics")],
}
EXPERIMENTS = {
    "experiment without meta.yaml": lambda one: os.remove(f"{one}/meta.yaml"),
    # The server shows no experiment at all any more.
    "experiment with an empty meta.yaml": lambda one: write(f"{one}/meta.yaml", b""),
    "experiment with a torn meta.yaml": lambda one: write(f"{one}/meta.yaml", b"name: [\n\x00"),
    "experiment with an impossible tag": lambda one: write(f"{one}/tags/a?b", b"1"),
}


def append(run):
    with open(f"{run}/meta.yaml", "ab") as file:
        file.write(b"experiment_id: '42'\n")


def fill(server, name):
    one = server.experiment(name, note="of the experiment")
    runs = {}
    for run_name in ["first", "damaged", "last"]:
        run = runs[run_name] = server.run(one, run_name, tags={"t": "tag"})
        server.params(run, {"p": "param"})
        server.metrics(run, [("acc", 0.5, LONG_AGO + at, at) for at in range(3)] + [("loss", 1.5, LONG_AGO, 0)])
        server.file(one, run, "model/weights.bin", b"weights")
    return one, runs["damaged"]


def main():
    server, harms = connect(), {**RUNS, **EXPERIMENTS}
    names = sys.argv[4:] or [*RUNS, "experiment without meta.yaml"]
    filled = {name: fill(server, name) for name in names}
    deleted, run = filled["deleted, with a torn metric"] = fill(server, "deleted, with a torn metric")
    server.client.delete_experiment(deleted)
    RUNS["torn metric"](f"{MLRUNS}/.trash/{deleted}/{run}")
    for name in names:
        experiment, run = filled[name]
        folder = f"{MLRUNS}/{experiment}"
        harms[name](f"{folder}/{run}" if name in RUNS else folder)
    print(json.dumps({name: run for name, (_, run) in filled.items()}))


main()
