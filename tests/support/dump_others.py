"""The part of dump.py that is not experiments and runs: models, prompts, traces, evaluation datasets, scorers."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import mlflow
from mlflow.exceptions import MlflowException

PAGE = 500
THREADS = 8
UNREADABLE = "unreadable"
RELEASE = tuple(int(part) for part in re.findall(r"\d+", mlflow.__version__)[:2])
PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"


def every(search):
    """All items of a paged search."""
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


class Others:
    def __init__(self, dump):
        self.dump = dump
        self.client = dump.client
        self.has_models = self.has_traces = False

    def everything(self, experiments):
        found = {"logged_models": self.logged_models(experiments) if RELEASE >= (3, 0) else []}
        self.has_models = bool(found["logged_models"])
        found["registered_models"] = self.registry(None)
        found["prompts"] = self.registry(PROMPTS) if RELEASE >= (2, 21) else []
        found["traces"] = self.traces(experiments) if RELEASE >= (2, 14) else []
        if RELEASE >= (3, 3) and found["traces"]:
            self.add_links(found["traces"], experiments)
        is_new = RELEASE >= (3, 4)
        found["evaluation_datasets"] = self.datasets() if is_new else []
        found["scorers"] = [one for at in experiments for one in self.scorers(at)] if is_new else []
        return found

    def logged_models(self, experiments):
        found = every(
            lambda token: self.client.search_logged_models(experiments, max_results=PAGE, page_token=token)
        )
        return sorted(map(self.logged_model, found), key=lambda one: one["model_id"])

    def logged_model(self, one):
        points = [
            [point.key, repr(float(point.value)), point.timestamp, point.step, point.run_id]
            + [point.dataset_name or "", point.dataset_digest or ""]
            for point in one.metrics or []
        ]
        return {
            "model_id": one.model_id,
            "experiment_id": one.experiment_id,
            "name": one.name,
            "status": str(one.status),
            "model_type": one.model_type or "",
            "source_run_id": one.source_run_id or "",
            "artifact_location": one.artifact_location,
            "creation_timestamp": one.creation_timestamp,
            "tags": dict(one.tags),
            "params": dict(one.params),
            "metrics": sorted(points),
            "artifacts": self.dump.model_files(one.model_id) if self.dump.with_artifacts else {},
        }

    def models_of(self, run_id):
        """A run's inputs and outputs, which no search returns in every release."""
        if not self.has_models:
            return [], []
        run = self.client.get_run(run_id)
        inputs = run.inputs.model_inputs if run.inputs else []
        outputs = run.outputs.model_outputs if run.outputs else []
        return sorted(one.model_id for one in inputs), sorted([one.model_id, one.step] for one in outputs)

    def registry(self, what):
        names = {"filter_string": what} if what else {}
        models = every(
            lambda token: self.client.search_registered_models(max_results=PAGE, page_token=token, **names)
        )
        if RELEASE < (2, 3):
            versions = self.client.search_model_versions("")
        else:
            versions = every(
                lambda token: self.client.search_model_versions(max_results=PAGE, page_token=token, **names)
            )
        by_name = {}
        for one in versions:
            by_name.setdefault(one.name, {})[str(one.version)] = model_version(one)
        found = [
            {
                "name": one.name,
                "description": one.description or "",
                "tags": dict(one.tags),
                "aliases": {alias: str(version) for alias, version in getattr(one, "aliases", {}).items()},
                "versions": by_name.pop(one.name, {}),
            }
            for one in models
        ]
        assert not by_name, f"versions of nothing: {list(by_name)}"
        return sorted(found, key=lambda one: one["name"])

    def traces(self, experiments):
        """Their headers as REST has them (the client leaves out those whose spans it cannot read), and their spans."""
        headers = self.headers(experiments) if RELEASE >= (3, 2) else self.old_headers(experiments)
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(self.with_spans, headers))
        self.has_traces = bool(found)
        return sorted(found, key=lambda one: one["trace_id"])

    def headers(self, experiments, run_id=None):
        spot = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": one}} for one in experiments]
        body = {"locations": spot, "max_results": PAGE}
        if run_id:
            body["filter"] = f"run_id = '{run_id}'"
        while True:
            answer = self.dump.session.post(self.dump.url + "/api/3.0/mlflow/traces/search", json=body, timeout=120)
            answer.raise_for_status()
            yield from (header(one) for one in answer.json().get("traces", []))
            body["page_token"] = answer.json().get("next_page_token")
            if not body["page_token"]:
                return

    def old_headers(self, experiments):
        query = {"experiment_ids": experiments, "max_results": PAGE}
        while True:
            page = self.dump.get("/api/2.0/mlflow/traces", query).json()
            yield from map(old_header, page.get("traces", []))
            query["page_token"] = page.get("next_page_token")
            if not query["page_token"]:
                return

    def with_spans(self, trace):
        try:
            found = [span(one) for one in self.client.get_trace(trace["trace_id"]).data.spans]
            spans = sorted(found, key=lambda one: (one["start"], one["span_id"]))
        except MlflowException:
            spans = [] if trace["state"] == "IN_PROGRESS" else UNREADABLE
        return {**trace, "spans": spans}

    def add_links(self, traces, experiments):
        """Which runs a trace belongs to or has been linked to: only a search for each run tells."""
        runs_of = {one["trace_id"]: one["runs"] for one in traces}
        for run in every(
            lambda token: self.client.search_runs(experiments, run_view_type=3, max_results=PAGE, page_token=token)
        ):
            for one in self.headers(experiments, run.info.run_id):
                runs_of[one["trace_id"]].append(run.info.run_id)

    def datasets(self):
        try:
            found = every(lambda token: self.client.search_datasets(max_results=50, page_token=token))
            return sorted(map(dataset, found), key=lambda one: (one["name"], one["dataset_id"]))
        except MlflowException as error:
            if "FileStore" in str(error) or "not supported" in str(error):
                return []  # File stores have none.
            raise

    def scorers(self, experiment):
        answer = self.dump.session.get(
            self.dump.url + "/api/3.0/mlflow/scorers/list", params={"experiment_id": experiment}, timeout=120
        )
        if answer.status_code != 200:
            return []  # File stores have none.
        for name in sorted({one["scorer_name"] for one in answer.json().get("scorers", [])}):
            query = {"experiment_id": experiment, "name": name}
            for one in self.dump.get("/api/3.0/mlflow/scorers/versions", query).json()["scorers"]:
                content = json.loads(one["serialized_scorer"])
                version = one.get("scorer_version")
                yield {"experiment_id": experiment, "name": name, "version": version, "scorer": content}


def model_version(one):
    return {
        "stage": one.current_stage,
        "description": one.description or "",
        "source": one.source,
        "run_id": one.run_id or "",
        "run_link": one.run_link or "",
        "status": one.status,
        "tags": dict(one.tags),
    }


def header(one):
    """A trace's header by the third API. Times become milliseconds, as in the older one."""
    duration = one.get("execution_duration")
    return {
        "trace_id": one["trace_id"],
        "experiment_id": one["trace_location"]["mlflow_experiment"]["experiment_id"],
        "client_request_id": one.get("client_request_id"),
        "request_time": milliseconds(one["request_time"]),
        "duration": duration and round(float(duration[:-1]) * 1000),
        "state": one["state"],
        "request_preview": one.get("request_preview"),
        "response_preview": one.get("response_preview"),
        "metadata": one.get("trace_metadata", {}),
        "tags": one.get("tags", {}),
        "assessments": sorted(map(assessment, one.get("assessments", [])), key=lambda one: one["assessment_id"]),
        "runs": [],
    }


def old_header(one):
    return {
        "trace_id": one["request_id"],
        "experiment_id": one["experiment_id"],
        "client_request_id": None,
        "request_time": int(one["timestamp_ms"]),
        "duration": one.get("execution_time_ms"),
        "state": one["status"],
        "request_preview": None,
        "response_preview": None,
        "metadata": {pair["key"]: pair.get("value", "") for pair in one.get("request_metadata", [])},
        "tags": {pair["key"]: pair.get("value", "") for pair in one.get("tags", [])},
        "assessments": [],
        "runs": [],
    }


def milliseconds(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def assessment(one):
    """As REST has it; a serialized expectation is what it says."""
    expectation = one.get("expectation", {})
    if "serialized_value" in expectation:
        expectation = {"value": json.loads(expectation["serialized_value"]["value"]), "serialized": True}
        one = {**one, "expectation": expectation}
    return one


def span(one):
    return {
        "span_id": one.span_id.removeprefix("0x"),
        "parent_id": one.parent_id and one.parent_id.removeprefix("0x"),
        "name": one.name,
        "type": one.span_type,
        "start": one.start_time_ns,
        "end": one.end_time_ns,
        "status": str(getattr(one.status.status_code, "value", one.status.status_code)),
        "message": one.status.description or "",
        "inputs": one.inputs,
        "outputs": one.outputs,
        "attributes": one.attributes,
        "events": [{"name": at.name, "time": at.timestamp, "attributes": dict(at.attributes)} for at in one.events],
    }


def dataset(one):
    records = [record.to_dict() for record in one.records]
    kept = ["inputs", "outputs", "expectations", "tags", "source"]
    found = [{key: record.get(key) for key in kept} for record in records]
    return {
        "dataset_id": one.dataset_id,
        "name": one.name,
        "tags": one.tags,
        "created_by": one.created_by,
        "experiment_ids": sorted(one.experiment_ids),
        "records": sorted(found, key=lambda one: json.dumps(one["inputs"], sort_keys=True)),
    }
