"""Writes a database with traces, before.db, and the same one after MLflow has archived their spans, archived.db.

usage: archive_traces.py FOLDER
"""

import os
import shutil
import sys
import time

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

import mlflow
from mlflow.entities import SpanEvent
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

FOLDER = sys.argv[1]
PATH = os.path.join(FOLDER, "archived.db")
MONTH = 30 * 86_400_000


@mlflow.trace(span_type="LLM", attributes={"temperature": 0.1, "list": [1, 2.5, None, True, {"größe": "ß"}]})
def inner(number):
    return {"number": number, "list": [1.0, 2], "nan": float("nan")}


@mlflow.trace
def outer(number):
    event = SpanEvent("hello", attributes={"a": 1, "b": "x", "c": [1.5]})
    mlflow.get_current_active_span().add_event(event)
    return inner(number)


@mlflow.trace
def fails():
    raise ValueError("no")


mlflow.set_tracking_uri(f"sqlite:///{PATH}")
mlflow.set_experiment("archived")
for number in range(3):
    outer(number)
try:
    fails()
except ValueError:
    pass
shutil.copyfile(PATH, os.path.join(FOLDER, "before.db"))
SqlAlchemyStore._get_archive_traces_now_millis = lambda _: int(time.time() * 1000) + MONTH
store = SqlAlchemyStore(f"sqlite:///{PATH}", os.path.join(FOLDER, "mlruns"))
location = f"file://{os.path.join(FOLDER, 'archive')}"
assert store.archive_traces(resolved_trace_archival_location=location, broader_retention="1d") == 4
