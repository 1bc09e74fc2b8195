"""The tracking server that edge_cases.py fills, and what the release of this Python can do with it."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
# A trace is on the server when the call returns.
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import mlflow
import requests
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

# 2021-02-03T04:05:06.789Z: years before any of this runs, with milliseconds.
LONG_AGO = 1_612_325_106_789
BATCH = 1000
PROSE = "Zeile eins\nline two\r\n\ttab, \"quotes\" and 'more', \\backslash, <b>&amp;</b>\n日本語 · 🚀 · ẞ · e\u0301"

RELEASE = tuple(int(part) for part in re.findall(r"\d+", mlflow.__version__)[:2])
# The first release that has it.
FEATURES = {
    "long values": (2, 9),  # before, params end at 500 characters, tags at 5000
    "aliases": (2, 3),
    "datasets": (2, 5),
    "traces": (2, 14),
    "prompts": (2, 21),
    "logged models": (3, 0),
    "assessments": (3, 2),  # and whatever else only the third trace API knows
    "trace links": (3, 3),
    "evaluation datasets": (3, 4),
    "scorers": (3, 4),
    "rich prompts": (3, 4),  # chats, response formats
    "spans in the database": (3, 6),
    "prompt model config": (3, 8),
    "plain model names only": (3, 11),
    "attachments": (3, 12),  # files that spans refer to
    "checked sources": (3, 17),  # a version must name the run or model that its source is of
}


def has(feature):
    return RELEASE >= FEATURES[feature]


def export_at_once(self, span):
    self.span_exporter.export((span,))


if has("traces"):
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    # MLflow 2 skips the constructor that the method of today's OpenTelemetry relies on, and would lose its spans.
    SimpleSpanProcessor.on_end = export_at_once


class Server:
    def __init__(self, url, artifacts):
        self.url = url.rstrip("/")
        mlflow.set_tracking_uri(self.url)
        self.client = MlflowClient(self.url)
        self.artifacts = artifacts
        self.session = requests.Session()
        self.session.trust_env = False
        self.clock = LONG_AGO
        self.is_file_store = False
        self.bucket = None

    def call(self, method, route, body):
        answer = self.session.request(method, f"{self.url}/api/{route}", json=body, timeout=60)
        if answer.status_code != 200:
            raise RuntimeError(f"{method} {route}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def post(self, route, body):
        return self.call("POST", f"2.0/mlflow/{route}", body)

    def experiment(self, name, **tags):
        experiment = self.client.create_experiment(name, tags=tags)
        # SQL stores count, file stores draw 18 digits.
        self.is_file_store = len(experiment) > 10
        return experiment

    def run(self, experiment, name, start=None, user="ada", status="FINISHED", tags=None, length=61_234):
        """Creates and ends a run by REST: only there can the user and any tag be chosen."""
        self.clock += 3_600_001
        start = self.clock if start is None else start
        body = {"experiment_id": experiment, "run_name": name, "user_id": user, "start_time": start}
        body["tags"] = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        run_id = self.post("runs/create", body)["run"]["info"]["run_id"]
        if status == "SCHEDULED":
            self.post("runs/update", {"run_id": run_id, "status": status})
        elif status != "RUNNING":
            self.post("runs/update", {"run_id": run_id, "status": status, "end_time": start + length})
        return run_id

    def metrics(self, run_id, points):
        """Writes (key, value, timestamp, step) in the largest batches that the server takes."""
        all_points = [Metric(*point) for point in points]
        batches = [all_points[at : at + BATCH] for at in range(0, len(all_points), BATCH)]
        for batch in batches:
            self.client.log_batch(run_id, metrics=batch)

    def params(self, run_id, params):
        all_params = [Param(key, value) for key, value in params.items()]
        for at in range(0, len(all_params), 100):
            self.client.log_batch(run_id, params=all_params[at : at + 100])

    def put(self, path, content):
        """Writes an artifact to this path below the root of all artifacts."""
        if self.artifacts is None:
            # By way of the server.
            url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
            self.session.put(url, data=content, timeout=120).raise_for_status()
            return
        if self.artifacts.startswith("s3://"):
            bucket, _, prefix = self.artifacts.removeprefix("s3://").partition("/")
            self.s3().put_object(Bucket=bucket, Key=f"{prefix}/{path}", Body=content)
            return
        local = os.path.join(self.artifacts, path)
        os.makedirs(os.path.dirname(local), exist_ok=True)
        with open(local, "wb") as file:
            file.write(content)

    def s3(self):
        """As MLflow's own client opens it. Only servers over S3 need boto3."""
        if self.bucket is None:
            import boto3

            self.bucket = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
        return self.bucket

    def file(self, experiment, run_id, name, content):
        self.put(f"{experiment}/{run_id}/artifacts/{name}", content)

    def files(self, experiment, run_id, contents):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: self.file(experiment, run_id, *item), contents.items()))


def connect():
    """The server that the command line names."""
    arguments = [one for one in sys.argv[1:] if not one.startswith("--")]
    server = Server(arguments[0], arguments[1] if len(arguments) > 1 else None)
    if "--unreadable" in sys.argv and server.artifacts is None:
        sys.exit("--unreadable needs the server's artifact directory")
    return server
