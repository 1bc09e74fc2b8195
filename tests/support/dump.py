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
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

PAGE = 1000
THREADS = 8
UNREADABLE = "unreadable"
PROMPT = "mlflow.prompt.is_prompt"


def every(search):
    """All items of a paged search."""
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


class Dump:
    def __init__(self, url, with_artifacts):
        self.url = url.rstrip("/")
        mlflow.set_tracking_uri(self.url)
        self.client = MlflowClient(self.url)
        self.with_artifacts = with_artifacts
        self.session = requests.Session()
        self.session.trust_env = False

    def everything(self):
        experiments = every(
            lambda token: self.client.search_experiments(
                view_type=ViewType.ALL, max_results=PAGE, page_token=token
            )
        )
        dumped = [self.experiment(one) for one in experiments]
        kept = [one for one in dumped if not untouched_default(one)]
        return {"experiments": sorted(kept, key=lambda one: one["name"]), "models": self.models()}

    def models(self):
        """Registered models and prompts by name; asked for by REST, because the clients hide prompts differently."""
        prompts = f"tags.`{PROMPT}` = 'true'"
        found = self.searched("registered-models", "")
        known = {one["name"] for one in found}
        if tuple(map(int, mlflow.__version__.split(".")[:2])) >= (2, 21):
            found += [one for one in self.searched("registered-models", prompts) if one["name"] not in known]
        return {one["name"]: self.model(one, prompts) for one in found}

    def model(self, one, prompts):
        name = one["name"]
        tags = pairs(one.get("tags"))
        quote = '"' if "'" in name else "'"
        also = f" AND {prompts}" if tags.get(PROMPT) == "true" else ""
        versions = self.searched("model-versions", f"name={quote}{name}{quote}{also}")
        return {
            "description": one.get("description", ""),
            "tags": tags,
            "aliases": {alias["alias"]: str(alias["version"]) for alias in one.get("aliases", [])},
            "versions": {str(version["version"]): model_version(version) for version in versions},
        }

    def searched(self, what, condition):
        found, query = [], {"max_results": 100}
        if condition:
            query["filter"] = condition
        while True:
            answer = self.session.get(f"{self.url}/api/2.0/mlflow/{what}/search", params=query, timeout=120)
            answer.raise_for_status()
            page = answer.json()
            found += page.get(what.replace("-", "_"), [])
            query["page_token"] = page.get("next_page_token")
            if not query["page_token"]:
                return found

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
            "artifacts": files,
        }

    def history(self, run_id, key):
        points = self.client.get_metric_history(run_id, key)
        unique = {(point.timestamp, point.step, repr(float(point.value))) for point in points}
        return sorted(map(list, unique))

    def files(self, run_id):
        """Every file's path with its size and SHA-256."""
        listed = dict(self.listed(run_id, ""))
        if not listed:
            return {}  # The client of MLflow 2 takes an empty folder for an error.
        with tempfile.TemporaryDirectory() as folder:
            try:
                self.client.download_artifacts(run_id, "", folder)
            except Exception:
                pass  # One unreadable name fails the whole download; below, each file is asked for by itself.
            return {path: self.file(run_id, folder, path, size) for path, size in listed.items()}

    def listed(self, run_id, folder):
        """Asks the server itself: the client unescapes the names that it lists."""
        query = {"run_id": run_id, "path": folder}
        answer = self.session.get(f"{self.url}/api/2.0/mlflow/artifacts/list", params=query, timeout=120)
        answer.raise_for_status()
        entries = answer.json().get("files", [])
        strangers = [entry for entry in entries if not entry["path"].startswith(folder and folder + "/")]
        if folder and (strangers or not entries):
            # Nothing, or another folder's files: this folder's name cannot be asked for.
            yield folder + "/", None
            return
        for entry in entries:
            if entry.get("is_dir"):
                yield from self.listed(run_id, entry["path"])
            else:
                yield entry["path"], int(entry.get("file_size", 0))

    def file(self, run_id, folder, path, size):
        if unquote(path) != path:
            # Servers unescape what they are asked for, and may send another file's content with a 200.
            return [size, UNREADABLE]
        local = os.path.join(folder, path)
        if os.path.isfile(local) and os.path.getsize(local) == size:
            with open(local, "rb") as file:
                return [size, hashlib.sha256(file.read()).hexdigest()]
        query = {"run_uuid": run_id, "path": path}
        answer = self.session.get(self.url + "/get-artifact", params=query, timeout=120)
        if answer.status_code != 200 or len(answer.content) != size:
            return [size, UNREADABLE]
        return [size, hashlib.sha256(answer.content).hexdigest()]


def pairs(tags):
    return {tag["key"]: tag.get("value", "") for tag in tags or []}


def model_version(one):
    fields = ["description", "source", "run_id", "run_link", "current_stage", "status"]
    return {field: one.get(field, "") for field in fields} | {"tags": pairs(one.get("tags"))}


def dataset_inputs(run):
    inputs = getattr(run, "inputs", None)  # since MLflow 2.5
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
