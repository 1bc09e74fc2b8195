"""Fills a run with files whose names are hard to carry, through the MLflow client of this Python.

usage: names.py URL ARTIFACTS

ARTIFACTS is the server's artifact directory on this disk. Two runs are made: `disk` gets every name of the table put
where the server keeps it, `client` gets what the client writes when it is given the same names, and images by
`log_image`. The last line says what the client can read of each: {"disk": {"run": id, "readable": [names]}, "client": …}.
"""

import json
import os
import sys
import tempfile
import warnings

# A name that a server breaks down over is not asked for again and again.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow
import numpy as np
from mlflow import MlflowClient

NAMES = [
    "plain.txt",
    "100%.txt",
    "%",
    "a%20b",
    "%25",
    "x%2Fy",
    "x%41",
    "KEY%step%0%timestamp%1724600000000%g1.png",
    "KEY%step%20%timestamp%1724600000000%g2.png",
    "x%1B",
    "x%1b",
    "a#b",
    "a?b",
    "a?",
    "a&b=c",
    "a+b",
    "a b",
    " a",
    "a ",
    "a.",
    "a;",
    "a;b",
    "é",
    "e\u0301",
    "日本 語.txt",
    "..a",
    "a..",
    "...",
    "~",
    "~root",
    "a\\b",
    "a:b",
    "Train:loss.csv",
    "http:x",
    "file:x",
    "it's \"quoted\"",
    "🚀.txt",
    "-x",
    "--help",
    "n" * 251 + ".txt",
    "é" * 127,
    "[x]{y}",
    "<b>|^`",
    "$HOME",
    "@",
    "!",
    "*",
    "NUL",
    ".hidden",
    "folder;/in",
    "Folder: x/in",
    "folder%20x/in",
    "folder%17/in",
    "C:/in",
    " folder/in",
    "deep/er/and/deep er/in",
]


def content(name):
    return b"" if name == "..a" else f"bytes of {name}\n".encode() * 3


def written(client, run, names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content(name))
            try:
                client.log_artifact(run, path, os.path.dirname(name) or None)
            except Exception:
                pass


def images(client, run):
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    for key, step in [("KEY", 0), ("KEY", 7), ("KEY", 10), ("KEY", 20), ("KEY", 100), ("a b", 1), ("a/b", 2)]:
        try:
            client.log_image(run, image + step, key=key, step=step, synchronous=True)
        except mlflow.MlflowException:
            # Its own names are not all taken by the server.
            assert "/" in key, key


def readable(client, run, root):
    names = []
    for folder, _, files in os.walk(root):
        for file in files:
            path = os.path.join(folder, file)
            name = os.path.relpath(path, root)
            with tempfile.TemporaryDirectory() as to, open(path, "rb") as truth:
                try:
                    # A file in a folder that cannot be listed is seen by nobody.
                    seen = [one.path for one in client.list_artifacts(run, os.path.dirname(name) or None)]
                    client.download_artifacts(run, name, to)
                    with open(os.path.join(to, file), "rb") as copy:
                        if name in seen and copy.read() == truth.read():
                            names.append(name)
                except Exception:
                    pass
    return sorted(names)


def main():
    warnings.simplefilter("ignore")
    url, artifacts = sys.argv[1:]
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url)
    experiment = client.create_experiment("names")
    result = {}
    for kind in ("disk", "client"):
        run = client.create_run(experiment, run_name=kind).info.run_id
        root = os.path.join(artifacts, experiment, run, "artifacts")
        os.makedirs(root, exist_ok=True)
        if kind == "disk":
            for name in NAMES:
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(content(name))
        else:
            written(client, run, NAMES)
            images(client, run)
        client.set_terminated(run)
        result[kind] = {"run": run, "readable": readable(client, run, root)}
    print(json.dumps(result))


main()
