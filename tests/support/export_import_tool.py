"""Fills a tracking server with what mlflow-export-import can export and its format can hold.

usage: export_import_tool.py URL ARTIFACTS

No names with quotes, no versions without a run and nothing that is deleted: there its export ends with an error.
"""

import math

import seed_registry
from server import LONG_AGO, PROSE, connect, has


def experiments(server):
    one = server.experiment("team/fraud/v2 größe 日本", **{"mlflow.note.content": PROSE, "team": "größte 🐘"})
    for status in ["RUNNING", "FINISHED", "FAILED", "KILLED"]:
        server.run(one, f"status {status}", status=status)
    server.run(one, "user", user="Grace Höpper <grace@example.com>", tags={"mlflow.user": "somebody else"})
    run = server.run(one, "numbers", tags={"empty": "", "lines": PROSE, "größe/日本 key": "größe"})
    server.params(run, {f"layer.{at:03}/units": str(at) for at in range(120)} | {"empty": "", "lines": PROSE})
    values = [math.nan, math.inf, -math.inf, 5e-324, 0.1, 1 / 3]
    points = [("all values", value, LONG_AGO + at, at) for at, value in enumerate(values)]
    points += [("negative/steps", at / 10, LONG_AGO, at) for at in range(-20, 5)] + [("nan", math.nan, LONG_AGO, 0)]
    server.metrics(run, points)
    server.files(one, run, {"one/two/deep.json": b"{}", "empty": b"", "all bytes.bin": bytes(range(256)) * 16})
    parent = server.run(one, "parent", start=LONG_AGO + 10**11)
    child = server.run(one, "child", tags={"mlflow.parentRunId": parent})
    server.run(one, "grandchild", tags={"mlflow.parentRunId": child, "best run": parent})
    server.run("0", "in the default experiment")
    if has("datasets"):
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = Dataset("train/größe", "0123abcd", "s3", '{"uri": "s3://bucket/ü"}', '{"a": 1}', '{"num_rows": 5}')
        tags = [InputTag("mlflow.data.context", "training")]
        server.client.log_inputs(run, [DatasetInput(data, tags)])


def models(server):
    registry = seed_registry.Registry(server)
    one = server.experiment("registered")
    run = server.run(one, "trained")
    server.file(one, run, "model/MLmodel", b"flavors:\n  python_function: {}\n")
    root = server.client.get_run(run).info.artifact_uri
    seed_registry.gaps(registry, root, run)
    registry.version(registry.model("no notes"), f"{root}/model", run)
    if has("logged models"):
        model = server.client.create_logged_model(one, "logged", run, {"kind": "größe"}, {"depth": "3"}, "pyfunc")
        server.client.finalize_logged_model(model.model_id, "READY")
        path = model.artifact_location.removeprefix("mlflow-artifacts:/").strip("/")
        server.put(f"{path}/MLmodel", f"model_id: {model.model_id}\nrun_id: {run}\n".encode())
        from mlflow.entities import LoggedModelOutput, Metric

        server.client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
        point = Metric("acc", 0.5, LONG_AGO, 1, model_id=model.model_id, run_id=run)
        server.client.log_batch(run, [point])


server = connect()
experiments(server)
models(server)
