"""Prints what a tracking server holds as one canonical JSON, read through the MLflow client of this Python.

usage: dump.py URL [--no-artifacts]

Server, client and this script know nothing of mlferry: what two servers have in common is judged by judge.py.
"""

import hashlib
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import mlflow
import requests
from dump_others import Others, every
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

PAGE = 1000
THREADS = 8
UNREADABLE = "unreadable"


class Dump:
    def __init__(self, url, with_artifacts):
        self.url = url.rstrip("/")
        mlflow.set_tracking_uri(self.url)
        self.client = MlflowClient(self.url)
        self.with_artifacts = with_artifacts
        self.session = requests.Session()
        self.session.trust_env = False
        self.others = Others(self)

    def everything(self):
        experiments = every(
            lambda token: self.client.search_experiments(
                view_type=ViewType.ALL, max_results=PAGE, page_token=token
            )
        )
        experiments = list(experiments)
        others = self.others.everything([one.experiment_id for one in experiments])
        dumped = [self.experiment(one) for one in experiments]
        kept = [one for one in dumped if not untouched_default(one)]
        return {"experiments": sorted(kept, key=lambda one: one["name"]), **others}

    def experiment(self, one):
        runs = every(
            lambda token: self.client.search_runs(
                [one.experiment_id], "", ViewType.ALL, max_results=PAGE, page_token=token
            )
        )
        with ThreadPoolExecutor(THREADS) as pool:
            dumped = list(pool.map(self.run, runs))
        return {
            "experiment_id": one.experiment_id,
            "name": one.name,
            "lifecycle_stage": one.lifecycle_stage,
            "creation_time": one.creation_time,
            "artifact_location": one.artifact_location,
            "tags": dict(one.tags),
            "runs": sorted(dumped, key=lambda run: run["run_id"]),
        }

    def run(self, run):
        info, data = run.info, run.data
        files = self.files(info.run_id) if self.with_artifacts else {}
        models_in, models_out = self.others.models_of(info.run_id)
        return {
            "run_id": info.run_id,
            "run_name": info.run_name,
            "user_id": info.user_id,
            "status": info.status,
            "start_time": info.start_time,
            "end_time": info.end_time,
            "lifecycle_stage": info.lifecycle_stage,
            "artifact_uri": info.artifact_uri,
            "params": dict(data.params),
            "tags": dict(data.tags),
            "latest": {key: repr(float(value)) for key, value in data.metrics.items()},
            "metrics": {key: self.history(info.run_id, key) for key in sorted(data.metrics)},
            "inputs": dataset_inputs(run),
            "model_inputs": models_in,
            "model_outputs": models_out,
            "artifacts": files,
        }

    def history(self, run_id, key):
        points = self.client.get_metric_history(run_id, key)
        unique = {(point.timestamp, point.step, repr(float(point.value))) for point in points}
        return sorted(map(list, unique))

    def files(self, run_id):
        """Every file's path with its size and SHA-256."""

        # The server itself is asked: the client unescapes the names that it lists.
        def entries(folder):
            query = {"run_id": run_id, "path": folder}
            return self.get("/api/2.0/mlflow/artifacts/list", query).json().get("files", [])

        def content(path):
            return self.session.get(self.url + "/get-artifact", params={"run_uuid": run_id, "path": path}, timeout=120)

        found = dict(listed(entries, ""))
        if not found:
            return {}  # The client of MLflow 2 takes an empty folder for an error.
        with tempfile.TemporaryDirectory() as folder:
            try:
                self.client.download_artifacts(run_id, "", folder)
            except Exception:
                pass  # One unreadable name fails the whole download; below, each file is asked for by itself.
            return {path: file(content, folder, path, size) for path, size in found.items()}

    def model_files(self, model_id):
        """The same of a logged model. Its client can load it but not list it."""

        def entries(folder):
            route = f"/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories"
            return self.get(route, {"artifact_directory_path": folder}).json().get("files", [])

        def content(path):
            route = f"{self.url}/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"
            return self.session.get(route, params={"artifact_file_path": path}, timeout=120)

        return {path: file(content, None, path, size) for path, size in listed(entries, "")}

    def get(self, route, query):
        answer = self.session.get(self.url + route, params=query, timeout=120)
        answer.raise_for_status()
        return answer


def listed(entries_of, folder):
    entries = entries_of(folder)
    strangers = [entry for entry in entries if not entry["path"].startswith(folder and folder + "/")]
    if folder and (strangers or not entries):
        # Nothing, or another folder's files: this folder's name cannot be asked for.
        yield folder + "/", None
        return
    for entry in entries:
        if entry.get("is_dir"):
            yield from listed(entries_of, entry["path"])
        else:
            yield entry["path"], int(entry.get("file_size", 0))


def file(content_of, folder, path, size):
    if unquote(path) != path:
        # Servers unescape what they are asked for, and may send another file's content with a 200.
        return [size, UNREADABLE]
    local = os.path.join(folder or "", path)
    if folder and os.path.isfile(local) and os.path.getsize(local) == size:
        with open(local, "rb") as opened:
            content = opened.read()
    else:
        answer = content_of(path)
        content = answer.content
        if answer.status_code != 200 or len(content) != size:
            return [size, UNREADABLE]
    found = [size, hashlib.sha256(content).hexdigest()]
    # Ids within it are new on the target: it is compared line by line.
    return found + [content.decode()] if os.path.basename(path) == "MLmodel" else found


def dataset_inputs(run):
    inputs = getattr(run, "inputs", None)  # MLflow 1 has none
    found = inputs.dataset_inputs if inputs else []
    dumped = [
        {
            "name": one.dataset.name,
            "digest": one.dataset.digest,
            "source_type": one.dataset.source_type,
            "source": one.dataset.source,
            "schema": one.dataset.schema or None,  # the 2.9 client says "" for none
            "profile": one.dataset.profile or None,
            "tags": {tag.key: tag.value for tag in one.tags},
        }
        for one in found
    ]
    return sorted(dumped, key=lambda one: (one["name"], one["digest"]))


def untouched_default(experiment):
    default = experiment["experiment_id"] == "0" and experiment["name"] == "Default"
    own_tags = [key for key in experiment["tags"] if not key.startswith("mlferry.source.")]
    return default and not experiment["runs"] and not own_tags


def main():
    arguments = [one for one in sys.argv[1:] if not one.startswith("--")]
    sys.stdout.reconfigure(encoding="utf-8")
    dump = Dump(arguments[0], "--no-artifacts" not in sys.argv).everything()
    json.dump(dump, sys.stdout, ensure_ascii=False, sort_keys=True, indent=1)
    print()


main()
