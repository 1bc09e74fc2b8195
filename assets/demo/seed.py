"""Fills a tracking server with a believable workload, through the MLflow client of this Python (2.9 or newer).

usage: seed.py URL demo|bench [RUNS]

demo: a few teams' experiments with all that a migration has to carry. bench: equal runs to measure with, 200 if RUNS is absent.
"""

import json
import math
import os
import random
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow
import requests
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.tracking import MlflowClient

THREADS = 8
BATCH = 1000
HOUR = 3_600_000
NOW = int(time.time() * 1000)
COMMITS = ["9f2c1e7ab4", "41d0c88e02", "c7a35b9f6d"]


class Server:
    def __init__(self, url):
        self.url = url.rstrip("/")
        mlflow.set_tracking_uri(self.url)
        self.client = MlflowClient(self.url)
        self.datasets = threading.Lock()
        self.session = requests.Session()
        self.session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=2 * THREADS))

    def log(self, run_id, params=None, metrics=()):
        """Params travel with the first batch of metrics: a batch takes 100 of those and 1000 of all."""
        pairs = [Param(key, str(value)) for key, value in (params or {}).items()]
        metrics = list(metrics)
        first = BATCH - len(pairs)
        self.client.log_batch(run_id, params=pairs, metrics=metrics[:first])
        for at in range(first, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics=metrics[at : at + BATCH])

    def put(self, experiment, run_id, name, content):
        path = quote(f"{experiment}/{run_id}/artifacts/{name}")
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{path}"
        self.session.put(url, data=content, timeout=60).raise_for_status()


class Trial:
    """One run to be: all of it is decided before any request, so that threads cannot change what is drawn."""

    def __init__(self, experiment, name, user, hours_ago, minutes=20, status="FINISHED", parent=None):
        self.experiment, self.name, self.user, self.status = experiment, name, user, status
        self.start = NOW - int(hours_ago * HOUR)
        self.end = self.start + minutes * 60_000
        self.tags = {
            "mlflow.user": user,
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": f"/home/{user}/src/{name.split('-')[0]}/train.py",
            "mlflow.source.git.commit": COMMITS[len(name) % len(COMMITS)] * 4,
        }
        if parent:
            self.tags["mlflow.parentRunId"] = parent
        self.params, self.metrics, self.datasets, self.files = {}, [], [], {}
        self.run_id, self.deleted = None, False

    def curve(self, key, points, value):
        every = max(1, (self.end - self.start) // points)
        self.metrics += [Metric(key, value(at), self.start + at * every, at) for at in range(points)]

    def create(self, server):
        created = server.client.create_run(self.experiment, self.start, self.tags, self.name)
        self.run_id = created.info.run_id
        return self.run_id

    def write(self, server):
        server.log(self.run_id, self.params, self.metrics)
        if self.datasets:
            # Two runs that bring the same dataset at the same time: MLflow answers one of them with an error.
            with server.datasets:
                server.client.log_inputs(self.run_id, self.datasets)
        for name, content in self.files.items():
            server.put(self.experiment, self.run_id, name, content)
        if self.status != "RUNNING":
            server.client.set_terminated(self.run_id, self.status, self.end)
        if self.deleted:
            server.client.delete_run(self.run_id)


def falling(draw, high, low, points):
    """A loss: exponential decay with noise that fades."""
    noise = [draw.gauss(0, 0.03) for _ in range(points)]
    return lambda at: low + (high - low) * math.exp(-5 * at / points) + noise[at] * high * (1 - at / points)


def rising(draw, low, high, points):
    fall = falling(draw, high - low, 0.0, points)
    return lambda at: high - fall(at)


def dataset(name, digest, uri, rows, context):
    schema = {"mlflow_colspec": [{"type": "double", "name": "amount"}, {"type": "string", "name": "merchant"}]}
    one = Dataset(name, digest, "s3", json.dumps({"uri": uri}), json.dumps(schema), json.dumps({"num_rows": rows}))
    return DatasetInput(one, [InputTag("mlflow.data.context", context)])


def usual_files(draw, trial, weights=20_000):
    """What a training script leaves behind, folders and an empty marker file included."""
    log = [f"epoch {at:03} loss={draw.uniform(0.1, 0.9):.4f}" for at in range(60)]
    bars = "".join(f'<rect x="{9 * at}" width="8" height="{draw.randint(5, 90)}"/>' for at in range(20))
    trial.files = {
        "config/params.json": json.dumps(trial.params, indent=2, default=str).encode(),
        "logs/train.log": "\n".join(log).encode(),
        "plots/importance.svg": f'<svg xmlns="http://www.w3.org/2000/svg">{bars}</svg>'.encode(),
        "checkpoint/epoch 20/weights.bin": struct.pack(f"<{weights}f", *(draw.random() for _ in range(weights))),
        "_SUCCESS": b"",
    }


def fraud(server, draw):
    one = server.client.create_experiment("fraud/detector-eu", tags={"team": "risk", "cost-center": "4711"})
    note = "# Fraud detector, EU\n\nGradient boosting over card payments.\nOwner: **risk**. See the sweep of this week."
    server.client.set_experiment_tag(one, "mlflow.note.content", note)
    parent = Trial(one, "sweep-depth-and-rate", "maria", 74, 190)
    parent.tags["mlflow.note.content"] = "Depth and learning rate, 12 trials. **Trial 7** went to staging."
    parent.params = {"sampler": "tpe", "trials": 12, "objective": "val/auc"}
    best = parent.create(server)
    trials = [parent]
    for at in range(12):
        trial = Trial(one, f"trial-{at:02}", "maria", 74 - at / 4, 14, "FAILED" if at == 9 else "FINISHED", best)
        trial.params = {"depth": draw.randint(3, 12), "learning_rate": round(10 ** draw.uniform(-3, -0.5), 5)}
        trial.params |= {"subsample": draw.choice([0.6, 0.8, 1.0]), "seed": at, "early_stopping": "true"}
        points = 40 if trial.status == "FAILED" else 120
        trial.curve("train/logloss", points, falling(draw, 0.69, 0.11, points))
        trial.curve("val/logloss", points, falling(draw, 0.70, 0.16, points))
        trial.curve("val/auc", points, rising(draw, 0.5, draw.uniform(0.88, 0.97), points))
        if trial.status == "FAILED":
            trial.curve("grad_norm", 5, lambda step: math.nan if step == 4 else 2.0**step)
        trial.datasets = [
            dataset("card-payments-2025q3", "5f1c09ab", "s3://risk-lake/payments/2025q3/train", 4_210_332, "training"),
            dataset("card-payments-holdout", "aa20417d", "s3://risk-lake/payments/2025q3/holdout", 512_007, "validation"),
        ]
        usual_files(draw, trial)
        trials.append(trial)
    trials[-1].deleted = True
    long = Trial(one, "transformer-long-run", "jonas", 30, 600)
    long.params = {"layers": 6, "heads": 8, "optimizer": "adamw", "precision": "bf16"}
    long.tags["mlflow.note.content"] = "Overnight run, 2000 steps.\n\n- warm-up 100\n- cosine afterwards"
    long.curve("train/loss", 2000, falling(draw, 2.3, 0.21, 2000))
    long.curve("learning_rate", 2000, lambda at: 3e-4 * min(1, at / 100) * (1 + math.cos(math.pi * at / 2000)) / 2)
    usual_files(draw, long, 100_000)
    return trials + [long]


def churn(server, draw):
    one = server.client.create_experiment("churn prediction", tags={"team": "crm", "mlflow.note.content": "Monthly retraining."})
    trials = []
    for at, status in enumerate(["FINISHED", "FINISHED", "KILLED", "FINISHED", "FAILED", "RUNNING"]):
        trial = Trial(one, f"retrain-2025-{at + 5:02}", draw.choice(["amina", "jonas"]), 30 * 24 * (5 - at) + 2, 25, status)
        trial.params = {"model": "logistic", "C": 0.1 * (at + 1), "features": "recency,frequency,monetary"}
        trial.curve("f1", 50, rising(draw, 0.3, 0.81, 50))
        trial.curve("recall", 50, rising(draw, 0.2, 0.77, 50))
        uri = f"s3://crm/snapshots/2025-{at + 5:02}"
        trial.datasets = [dataset("customers", f"{at:08x}", uri, 88_000 + at, "training")]
        usual_files(draw, trial, 2_000)
        trials.append(trial)
    return trials


def demand(server, draw):
    one = server.client.create_experiment("需要予測 2025", tags={"チーム": "物流", "mlflow.note.content": "店舗別の需要予測。\n週次で再学習。"})
    trials = []
    for at, store in enumerate(["東京", "大阪", "札幌", "福岡"]):
        trial = Trial(one, f"店舗-{store}", "tanaka", 200 - 12 * at, 45)
        trial.params = {"店舗": store, "モデル": "prophet", "horizon": 28}
        trial.tags["備考"] = "祝日フラグあり"
        trial.curve("mape", 200, falling(draw, 0.6, 0.08, 200))
        usual_files(draw, trial, 5_000)
        # Plain letters: the artifact proxy of MLflow 3 cannot send a file whose name has others.
        trial.files["forecast/weekly.csv"] = "週,予測\n1,120\n2,134\n".encode()
        trials.append(trial)
    return trials


def summaries(server, draw):
    one = server.client.create_experiment("llm-eval: summaries", tags={"team": "search"})
    trials = []
    for at, temperature in enumerate([0.0, 0.3, 0.7]):
        trial = Trial(one, f"prompt-v{at + 1}", "amina", 50 - 4 * at, 12)
        prompt = "You are an editor.\nSummarise the text below in three sentences.\n\nText: {text}\n"
        trial.params = {"temperature": temperature, "prompt": prompt, "stop": ""}
        trial.curve("rouge/l", 60, rising(draw, 0.2, 0.44, 60))
        trial.files = {
            "eval/results.json": json.dumps([{"id": n, "score": draw.random()} for n in range(200)]).encode(),
            "eval/inputs/sample & notes (final).txt": prompt.encode(),
        }
        trials.append(trial)
    return trials


def prototype(server, draw):
    one = server.client.create_experiment("old prototype", tags={"state": "superseded by fraud/detector-eu"})
    trials = [Trial(one, f"try-{at}", "jonas", 4000 + at, 5) for at in range(2)]
    for trial in trials:
        trial.params = {"depth": 3}
        trial.curve("auc", 80, rising(draw, 0.5, 0.7, 80))
        trial.files = {"notes.txt": b"kept for the audit\n"}
    return trials


def run_all(server, trials, threads):
    def one(trial):
        if trial.run_id is None:
            trial.create(server)
        trial.write(server)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, trials))


def demo(server, draw):
    gone = prototype(server, draw)
    kept = [trial for team in (fraud, churn, demand, summaries) for trial in team(server, draw)]
    run_all(server, kept + gone, THREADS)
    server.client.delete_experiment(gone[0].experiment)
    best = kept[8].run_id
    server.client.log_batch(kept[0].run_id, tags=[RunTag("best_run", best), RunTag("stage", "staging")])


def bench(server, draw, runs=200):
    """20 params, 8 metrics of 100 steps and 3 files for each run."""
    one = server.client.create_experiment("bench")
    trials = []
    for at in range(runs):
        trial = Trial(one, f"bench-{at:03}", "bench", 1 + at / 10, 5)
        trial.params = {f"param_{key:02}": draw.random() for key in range(20)}
        for key in range(8):
            trial.curve(f"metric_{key}", 100, falling(draw, 1.0, 0.1, 100))
        trial.files = {f"file_{key}.bin": draw.randbytes(4096) for key in range(3)}
        trials.append(trial)
    run_all(server, trials, 12)


def main():
    url, scale, *runs = sys.argv[1:]
    {"demo": demo, "bench": bench}[scale](Server(url), random.Random(7), *map(int, runs))


main()
