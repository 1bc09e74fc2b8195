"""Logged models of MLflow 3 and models in the folders of runs, with MLmodel files that name their run."""

import math
from types import SimpleNamespace

import mlflow
from mlflow.entities import Metric
from seed_registry import Registry
from server import LONG_AGO, PROSE, has

MLMODEL = """\
# trained by hand, see run_id: {run}
artifact_path: {path}
flavors:
  python_function:
    loader_module: mlflow.pyfunc.model  # not {run}
    python_version: 3.11.7
{own}metadata:
  run_id: {run}
  note: 'größe: 5'
mlflow_version: {release}
run_id: {run}
utc_time_created: '2021-02-03 04:05:06.789000'
"""


def mlmodel(path, run, model=None):
    own = f"model_id: {model}\nmodel_size_bytes: 17\nmodel_uuid: {model}\n" if model else "model_uuid: 0123456789abcdef\n"
    return MLMODEL.format(path=path, run=run, own=own, release=mlflow.__version__).encode()


def below_root(server, uri, name):
    """The path of a file below the root of all artifacts, given the folder that it is in."""
    is_s3 = server.artifacts is not None and server.artifacts.startswith("s3://")
    return uri.removeprefix(server.artifacts if is_s3 else "mlflow-artifacts:").strip("/") + "/" + name


def seed(server):
    """Returns a logged model, or None on a release that has none."""
    run_models(server)
    if not has("logged models"):
        return None
    made = logged_models(server)
    metrics(server, made)
    inputs_and_outputs(server, made)
    model_files(server, made)
    registered(server, made)
    return made.full


def run_models(server):
    """Models as MLflow 2 keeps them: a folder of their run."""
    one = server.experiment("models in runs")
    run = server.run(one, "with a model")
    server.file(one, run, "model/MLmodel", mlmodel("model", run))
    server.file(one, run, "model/weights.bin", bytes(range(256)))
    named = server.run(one, "names its place")
    root = server.client.get_run(named).info.artifact_uri
    server.file(one, named, "deep/model/MLmodel", mlmodel(f"{root}/deep/model", named))


def logged_models(server):
    """Types, statuses, params and tags; models of nobody, of deleted runs, of a deleted experiment."""
    client = server.client
    one, other = server.experiment("logged models"), server.experiment("logged models elsewhere")
    made = SimpleNamespace()
    made.early = server.run(one, "earlier than the model's source")
    made.source = server.run(one, "source of models", start=LONG_AGO + 10**11)
    made.stranger = server.run(other, "takes a model from elsewhere")

    def model(name, run=made.source, status="READY", experiment=one, **more):
        new = client.create_logged_model(experiment, name=name, source_run_id=run, **more)
        if status:
            client.finalize_logged_model(new.model_id, status)
        return new

    tags = {"team": "größte 🐘", "note": PROSE, "empty": "", "long": "t" * 7000}
    params = {f"param.{at:03}": f"value {at}" for at in range(120)}
    params.update({"größe": "ü" * 200, "empty": "", "lines": PROSE, "run": made.source})
    made.full = model("full", tags=tags, params=params, model_type="pyfunc")
    made.bare = model("bare", run=None, model_type="")
    made.twin = model("full", model_type="agent")  # names need not be unique
    model("pending", status=None, tags={"why": "never finished"})
    made.failed = model("failed", status="FAILED", params={"depth": "3"})
    made.elsewhere = model("of a run elsewhere", run=made.stranger)
    orphan = model("of a run that is gone", run=server.run(one, "deleted source of a model"))
    client.delete_run(orphan.source_run_id)
    made.doomed = model("deleted")
    references = {"best": made.full.model_id, "run": made.source, "mlflow.note.content": f"as {made.source}"}
    client.set_logged_model_tags(made.bare.model_id, references)
    client.set_tag(made.stranger, "best model", made.full.model_id)
    server.params(made.stranger, {"start from": made.twin.model_id})

    gone = server.experiment("deleted, with a model")
    model("in a deleted experiment", run=server.run(gone, "gone"), experiment=gone)
    client.delete_experiment(gone)
    return made


def metrics(server, made):
    """Points of several models, some of a dataset, some the same for a run and another of its models."""
    from mlflow.entities import Dataset, DatasetInput

    client = server.client
    data = Dataset("eval/größe", "0123abcd", "local", '{"uri": "s3://bucket/eval.parquet"}')
    client.log_inputs(made.source, [DatasetInput(data, [])])

    def point(key, value, step=0, timestamp=LONG_AGO, model=made.full, run=made.source, data=None):
        of_data = {"dataset_name": data.name, "dataset_digest": data.digest} if data else {}
        client.log_batch(run, [Metric(key, value, timestamp, step, model_id=model.model_id, run_id=run, **of_data)])

    for step in range(5):
        point("acc", step / 7, step, LONG_AGO + step)
    point("f1", 0.25, data=data)
    point("nan", math.nan)
    point("acc", 0.5, 3, model=made.twin)
    point("acc", 0.5, 3, model=made.failed)  # one point of the run, of two models
    if not server.is_file_store:  # which then keeps half a model in the run's experiment, and finds neither half
        point("elsewhere", -1.5, run=made.stranger)
    client.log_batch(made.source, [Metric("of no model", 1.0, LONG_AGO, 0)])


def inputs_and_outputs(server, made):
    """Models that runs made and took, in other orders than they were made in."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    client, full = server.client, made.full.model_id
    client.log_outputs(made.source, [LoggedModelOutput(full, 0), LoggedModelOutput(made.twin.model_id, 7)])
    client.log_outputs(made.early, [LoggedModelOutput(made.elsewhere.model_id, -3)])
    client.log_inputs(made.early, models=[LoggedModelInput(full)])
    client.log_inputs(made.stranger, models=[LoggedModelInput(full), LoggedModelInput(made.bare.model_id)])
    doomed = made.doomed.model_id
    client.log_outputs(made.stranger, [LoggedModelOutput(doomed, 1)])
    server.params(made.stranger, {"was deleted": doomed})
    client.delete_logged_model(doomed)


def model_files(server, made):
    """MLmodel files that name the model and its run, beside ordinary files that do so too."""
    for owner in [made.full, made.bare]:
        uri, run = owner.artifact_location, owner.source_run_id or "none"
        files = {"MLmodel": mlmodel(uri, run, owner.model_id), "data/deep/weights.bin": bytes(range(256)) * 9}
        files.update({"empty": b"", "with space & 100%.txt": b"odd\n", "conda.yaml": f"# {owner.model_id}\n".encode()})
        for name, content in files.items():
            server.put(below_root(server, uri, name), content)


def registered(server, made):
    """Versions made of a logged model, in every way to name it."""
    registry = Registry(server)
    model, run = made.full, made.source
    name = registry.model("of logged models")
    registry.version(name, f"models:/{model.model_id}", run, model_id=model.model_id, model=model.model_id)
    registry.version(name, model.artifact_location, run, model_id=model.model_id)
    bare = made.bare.model_id
    registry.version(name, f"models:/{bare}", model_id=bare if has("checked sources") else None)
    registry.version(name, f"models:/{name}/1")


def unreadable(server):
    """A logged model whose artifact has a name that no request can carry."""
    if not has("logged models"):
        return
    one = server.experiment("unreadable model")
    model = server.client.create_logged_model(one, name="unreadable")
    server.client.finalize_logged_model(model.model_id, "READY")
    server.put(below_root(server, model.artifact_location, "a%20b.txt"), b"content\n")
