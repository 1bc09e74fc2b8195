"""Drives an App or a tracking server with MLflow's client and the official plugin. Argument: the ARN.

Prints what it did as JSON.
"""

import json
import os
import sys
import tempfile
import time

ARN = sys.argv[1]
IS_APP = ":mlflow-app/" in ARN
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow
import requests
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(ARN)
client = mlflow.MlflowClient()


def refused(text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except MlflowException as error:
        assert text in str(error), error
        return
    raise AssertionError(f"{text} was expected")


def experiments_and_runs():
    # A space, a plus, a slash, a percent sign, an umlaut: each is a trap of its own for a signature.
    name = "exp a+b/c %20 \u00e9"
    experiment = client.create_experiment(name, tags={"k": "v"})
    assert client.get_experiment_by_name(name).experiment_id == experiment
    assert client.get_experiment(experiment).artifact_location.startswith("s3://")
    client.set_experiment_tag(experiment, "note", "two words + more")
    run = client.create_run(experiment, run_name="first", tags={"a b": "c+d"})
    points = [Metric("loss", 1 / (at + 1), 1000 + at, at) for at in range(500)]
    client.log_batch(run.info.run_id, points, [Param("lr", "0.1")], [RunTag("t", "x")])
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 500
    client.delete_tag(run.info.run_id, "t")
    client.set_terminated(run.info.run_id)
    assert client.search_runs([experiment], "params.lr = '0.1'")[0].info.run_id == run.info.run_id
    client.delete_run(run.info.run_id)
    client.restore_run(run.info.run_id)
    client.delete_experiment(experiment)
    client.restore_experiment(experiment)
    return experiment, run


def artifacts(run):
    assert run.info.artifact_uri.startswith("s3://"), run.info.artifact_uri
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"plain.txt": b"hello", "dir/two words + \u00e9.bin": os.urandom(300_000), "empty": b""}.items():
            path = os.path.join(folder, "up", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        client.log_artifacts(run.info.run_id, os.path.join(folder, "up"))
        listed = {one.path for one in client.list_artifacts(run.info.run_id)}
        assert listed == {"plain.txt", "dir", "empty"}, listed
        down = client.download_artifacts(run.info.run_id, "", folder)
        with open(os.path.join(down, "plain.txt"), "rb") as file:
            assert file.read() == b"hello"


def registry(run):
    client.create_registered_model("model one", tags={"t": "1"}, description="d")
    version = client.create_model_version("model one", f"{run.info.artifact_uri}/dir", run.info.run_id)
    client.set_registered_model_alias("model one", "champion", version.version)
    assert client.get_model_version_by_alias("model one", "champion").version == version.version
    client.set_model_version_tag("model one", version.version, "a b", "c")
    client.delete_model_version_tag("model one", version.version, "a b")
    client.delete_registered_model_alias("model one", "champion")
    client.delete_registered_model_tag("model one", "t")
    assert len(client.search_model_versions("name = 'model one'")) == 1


def logged_models(experiment, run):
    model = client.create_logged_model(experiment, name="m", source_run_id=run.info.run_id, params={"p": "1"})
    assert model.artifact_location.startswith("s3://"), model.artifact_location
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "MLmodel"), "w", encoding="utf-8") as file:
            file.write("flavors: {}\n")
        client.log_model_artifacts(model.model_id, folder)
    client.set_logged_model_tags(model.model_id, {"x": "y"})
    client.finalize_logged_model(model.model_id, "READY")
    assert client.get_logged_model(model.model_id).tags["x"] == "y"
    assert len(client.search_logged_models([experiment])) == 1


def traces(experiment):
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_span("root", attributes={"n": 1}) as span:
        span.set_inputs({"q": "\u00fc"})
        with mlflow.start_span("child"):
            pass
        span.set_outputs("a")
    trace_id = span.trace_id
    for _ in range(50):
        trace = mlflow.get_trace(trace_id)
        if trace is not None:
            break
        time.sleep(0.2)
    # OTLP is blocked: the spans have come by way of traces.json in S3.
    assert [one.name for one in trace.data.spans] == ["root", "child"], trace
    assert trace.info.tags["mlflow.artifactLocation"].startswith("s3://"), trace.info
    client.set_trace_tag(trace_id, "a b", "c")
    client.delete_trace_tag(trace_id, "a b")
    mlflow.log_feedback(trace_id=trace_id, name="good", value=True)
    assert len(mlflow.search_traces([experiment], return_type="list")) == 1


def prompts_and_datasets(experiment):
    mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"k": "v"})
    mlflow.genai.set_prompt_alias("greeting", "live", 1)
    assert mlflow.genai.load_prompt("prompts:/greeting@live").template == "Hello {{name}}"
    dataset = mlflow.genai.datasets.create_dataset(name="questions", experiment_id=experiment)
    dataset.merge_records([{"inputs": {"q": 1}, "expectations": {"a": 2}}])
    assert len(mlflow.genai.datasets.get_dataset(dataset_id=dataset.dataset_id).to_df()) == 1


def workspaces():
    mlflow.create_workspace("team-a", description="A")
    assert {one.name for one in mlflow.list_workspaces()} == {"default", "team-a"}
    mlflow.set_workspace("team-a")
    assert client.get_experiment_by_name("exp a+b/c %20 \u00e9") is None
    inside = client.create_experiment("inside")
    assert "/workspaces/team-a/" in client.get_experiment(inside).artifact_location
    mlflow.set_workspace("default")


def what_is_absent():
    from mlflow.utils.rest_utils import http_request
    from sagemaker_mlflow.host_creds import get_host_creds

    creds = get_host_creds(ARN)
    for method, path in [
        ("POST", "/v1/traces"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts"),
        ("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts"),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url"),
        ("GET", "/api/3.0/mlflow/gateway/secrets/list"),
    ]:
        answer = http_request(creds, path, method, raise_on_status=False)
        assert answer.status_code == 404, (path, answer.status_code, answer.text)
    assert http_request(creds, "/version", "GET").text == mlflow.__version__
    answer = requests.get(os.environ["SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT"] + "/version", timeout=10)
    assert answer.status_code == 403, answer.status_code


def presigned_url():
    from sagemaker_mlflow import presigned_url

    assert "/auth?authToken=" in presigned_url.get_presigned_url()


experiment, run = experiments_and_runs()
artifacts(run)
registry(run)
logged_models(experiment, run)
traces(experiment)
prompts_and_datasets(experiment)
refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)
refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, "model one")
if IS_APP:
    workspaces()
what_is_absent()
presigned_url()
print(json.dumps({"experiment": experiment, "run": run.info.run_id, "artifact_uri": run.info.artifact_uri}))
