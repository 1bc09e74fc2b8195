"""Traces: their headers, spans and assessments, and the runs they are linked to."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from dump_reader import RELEASE, THREADS, UNREADABLE, every, every_json, pairs
from mlflow.exceptions import MlflowException

PAGE = 500


def traces(reader, experiments):
    """Their headers as REST has them (the client leaves out those whose spans it cannot read), and their spans."""
    if RELEASE < (2, 14):
        return []
    found = headers(reader, experiments) if RELEASE >= (3, 2) else old_headers(reader, experiments)
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda trace: with_spans(reader, trace), found))
    if RELEASE >= (3, 3) and found:
        add_links(reader, found, experiments)
    else:
        for one in found:
            one["runs"] = [run for run in [one["metadata"].get("mlflow.sourceRun")] if run]
    return sorted(found, key=lambda one: one["trace_id"])


def headers(reader, experiments, run_id=None):
    spot = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": one}} for one in experiments]
    body = {"locations": spot, "max_results": PAGE, **({"filter": f"run_id = '{run_id}'"} if run_id else {})}
    return map(header, every_json(lambda asked: reader.post("/api/3.0/mlflow/traces/search", asked), body, "traces"))


def old_headers(reader, experiments):
    query = {"experiment_ids": experiments, "max_results": PAGE}
    return map(old_header, every_json(lambda asked: reader.get("/api/2.0/mlflow/traces", asked), query, "traces"))


def with_spans(reader, trace):
    try:
        found = [span(one) for one in reader.client.get_trace(trace["trace_id"]).data.spans]
        spans = sorted(found, key=lambda one: (one["start"], one["span_id"]))
    except MlflowException:
        spans = [] if trace["state"] == "IN_PROGRESS" else UNREADABLE
    return {**trace, "spans": spans, "attachments": attachments(reader, trace, json.dumps(spans))}


def attachments(reader, trace, spans):
    """What the files hold that spans refer to, by their names."""
    root = trace["tags"].get("mlflow.artifactLocation", "").replace("mlflow-artifacts:", "/api/2.0/mlflow-artifacts/artifacts")
    found = {}
    for name in sorted(set(re.findall(r"mlflow-attachment://([0-9A-Za-z-]+)", spans))):
        answer = reader.ask("GET", f"{root}/attachments/{name}")
        found[name] = hashlib.sha256(answer.content).hexdigest() if answer.ok else UNREADABLE
    return found


def add_links(reader, traces, experiments):
    """Which runs a trace belongs to or has been linked to: only a search for each run tells."""
    runs_of = {one["trace_id"]: one["runs"] for one in traces}
    for run in every(
        lambda token: reader.client.search_runs(experiments, run_view_type=3, max_results=PAGE, page_token=token)
    ):
        for one in headers(reader, experiments, run.info.run_id):
            runs_of[one["trace_id"]].append(run.info.run_id)


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
        "metadata": pairs(one.get("request_metadata")),
        "tags": pairs(one.get("tags")),
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
