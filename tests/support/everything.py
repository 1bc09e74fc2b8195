"""Fills a tracking server with all that is not an experiment or a run, through the MLflow client of this Python:
logged models, registered models, prompts, traces, assessments, evaluation datasets, scorers.

usage: everything.py URL [ARTIFACTS] [--unreadable] [--names]

ARTIFACTS and --unreadable are those of awkward.py. --names adds names that later releases refuse.
What the release does not have yet is left out.
"""

import json
import math
import sys
import time

import mlflow
from mlflow.entities import Metric
from server import LONG_AGO, PROSE, connect, has

NANOS = 1_000_000
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


def below_root(uri, name):
    """The path of a file, given the proxied folder that it is in."""
    return uri.split(":", 1)[1].strip("/") + "/" + name


def run_models(server):
    """Models as MLflow 2 keeps them: a folder of their run."""
    one = server.experiment("models in runs")
    run = server.run(one, "with a model")
    server.file(one, run, "model/MLmodel", mlmodel("model", run))
    server.file(one, run, "model/weights.bin", bytes(range(256)))
    return run


def logged_models(server):
    """Types, statuses, metrics; inputs and outputs of runs in every order; models of nobody."""
    from mlflow.entities import DatasetInput, LoggedModelInput, LoggedModelOutput, Dataset

    client = server.client
    one, other = server.experiment("logged models"), server.experiment("logged models elsewhere")
    early = server.run(one, "earlier than the model's source")
    source = server.run(one, "source of models", start=LONG_AGO + 10**11)
    stranger = server.run(other, "takes a model from elsewhere")

    def model(name, run=source, status="READY", experiment=one, **more):
        made = client.create_logged_model(experiment, name=name, source_run_id=run, **more)
        if status:
            client.finalize_logged_model(made.model_id, status)
        return made

    tags = {"team": "größte 🐘", "note": PROSE, "empty": "", "long": "t" * 7000}
    params = {f"param.{at:03}": f"value {at}" for at in range(120)}
    params.update({"größe": "ü" * 200, "empty": "", "lines": PROSE})
    full = model("full", tags=tags, params=params, model_type="pyfunc")
    bare = model("bare", run=None, model_type="")
    twin = model("full", model_type="agent")  # names need not be unique
    model("pending", status=None, tags={"why": "never finished"})
    failed = model("failed", status="FAILED", params={"depth": "3"})
    foreign = model("of a run elsewhere", run=stranger, experiment=one)
    orphan = model("of a run that is gone", run=server.run(one, "deleted source of a model"))
    client.delete_run(orphan.source_run_id)
    client.delete_logged_model(model("deleted").model_id)
    client.set_logged_model_tags(bare.model_id, {"best": full.model_id, "run": source, "mlflow.note.content": f"as {source}"})

    data = Dataset("eval/größe", "0123abcd", "local", '{"uri": "s3://bucket/eval.parquet"}')
    client.log_inputs(source, [DatasetInput(data, [])])

    def point(key, value, step=0, timestamp=LONG_AGO, model=full, run=source, data=None):
        of_data = {"dataset_name": data.name, "dataset_digest": data.digest} if data else {}
        client.log_batch(run, [Metric(key, value, timestamp, step, model_id=model.model_id, run_id=run, **of_data)])

    for step in range(5):
        point("acc", step / 7, step, LONG_AGO + step)
    point("f1", 0.25, data=data)
    point("nan", math.nan)
    point("acc", 0.5, 3, model=twin)
    point("acc", 0.5, 3, model=failed)  # one point of the run, of two models
    point("elsewhere", -1.5, model=full, run=stranger)
    client.log_batch(source, [Metric("of no model", 1.0, LONG_AGO, 0)])

    client.log_outputs(source, [LoggedModelOutput(full.model_id, 0), LoggedModelOutput(twin.model_id, 7)])
    client.log_outputs(early, [LoggedModelOutput(foreign.model_id, -3)])
    client.log_inputs(early, models=[LoggedModelInput(full.model_id)])
    client.log_inputs(stranger, models=[LoggedModelInput(full.model_id), LoggedModelInput(bare.model_id)])

    for owner in [full, bare]:
        uri, run = owner.artifact_location, owner.source_run_id or "none"
        files = {"MLmodel": mlmodel(uri, run, owner.model_id), "data/deep/weights.bin": bytes(range(256)) * 9}
        files.update({"empty": b"", "with space & 100%.txt": b"odd\n", "conda.yaml": f"# {owner.model_id}\n".encode()})
        for name, content in files.items():
            server.put(below_root(uri, name), content)

    gone = server.experiment("deleted, with models and traces")
    model("in a deleted experiment", run=server.run(gone, "gone"), experiment=gone)
    if has("traces"):
        span_tree(server, gone, "in a deleted experiment")
    client.delete_experiment(gone)
    return full, source


def unreadable_model(server):
    """Its artifact has a name that no request can carry."""
    one = server.experiment("unreadable model")
    model = server.client.create_logged_model(one, name="unreadable")
    server.client.finalize_logged_model(model.model_id, "READY")
    server.put(below_root(model.artifact_location, "a%20b.txt"), b"content\n")


def registry(server, run, model):
    """Versions with gaps, stages, aliases, sources of every kind."""
    client = server.client
    folder = client.get_run(run).info.artifact_uri
    client.create_registered_model("no versions", {"a": "b"}, "only a description\n" + PROSE)
    # Names with quotes are left out: the client of 1.30 cannot ask for them.
    for name in ["Größe 日本 🚀 100% & more", "with  two spaces", "v1"]:
        client.create_registered_model(name, {"größe": PROSE, "empty": "", "long": "t" * 4999}, "d" * 4999 + "Ω")
        version(server, name, f"{folder}/model", run)

    gaps = "twelve versions, some gone"
    client.create_registered_model(gaps, {"team": "größte 🐘"})
    for number in range(1, 15):
        version(server, gaps, f"{folder}/model", run, tags={"number": str(number)}, description=f"the {number}th")
    for number in [3, 7, 8, 14]:  # 14: a gap at the end shows once there is a next version
        client.delete_model_version(gaps, str(number))
    version(server, gaps, f"runs:/{run}/model", run)
    stages = {1: "Archived", 2: "Archived", 4: "Production", 5: "Production", 10: "Staging", 12: "None"}
    for number, stage in stages.items():
        client.transition_model_version_stage(gaps, str(number), stage, archive_existing_versions=False)
    if has("aliases"):
        for alias, number in {"champion": 4, "challenger": 10, "also_champion": 4, "Old-1": 1}.items():
            client.set_registered_model_alias(gaps, alias, str(number))

    sources = "sources of every kind"
    client.create_registered_model(sources)
    version(server, sources, f"{folder}/model", run, run_link="https://ci.example.com/run/17?a=b")
    version(server, sources, folder, run)
    version(server, sources, f"runs:/{run}/model", run, tags={"lines": PROSE, "empty": "", "run": run}, description=PROSE)
    version(server, sources, "s3://foreign/bucket/modèl 1", None)
    version(server, sources, "s3://foreign/of/a/run", run)
    version(server, sources, "s3://foreign/of/an/unknown/run", "0123456789abcdef0123456789abcdef")
    gone = server.run("0", "deleted, with a registered model")
    version(server, sources, client.get_run(gone).info.artifact_uri + "/model", gone)
    client.delete_run(gone)
    if has("aliases"):
        version(server, sources, f"models:/{gaps}/4", None)
    if model is not None:
        version(server, sources, f"models:/{model.model_id}", run, model_id=model.model_id)
        version(server, sources, model.artifact_location, run, model_id=model.model_id)


def version(server, name, source, run, **more):
    return server.client.create_model_version(name, source, run, await_creation_for=0, **more)


def names(server):
    """Names with "/" and ":": MLflow 3.11 refuses them."""
    for name in ["team/fraud", "team:fraud", "a/b:c/d"]:
        server.client.create_registered_model(name, {"odd": "yes"})
        version(server, name, "s3://foreign/bucket", None)


def prompts(server, run):
    """Texts in an order that strings do not have, chats, formats."""
    client = server.client
    for number in range(1, 13):
        more = {"tags": {"number": str(number)}} if number % 2 else {}
        client.register_prompt("text", f"{number}: {{{{question}}}}\n{PROSE}", f"change {number} größe", **more)
    for alias, number in {"production": 2, "newest": 12}.items():
        client.set_prompt_alias("text", alias, number)
    client.register_prompt("no.message-at_all", "x" * 4900)
    if has("rich prompts"):
        messages = [{"role": "system", "content": "Sei höflich."}, {"role": "user", "content": "{{question}}"}]
        schema = {"type": "object", "properties": {"answer": {"type": "string"}, "score": {"type": "number"}}}
        client.register_prompt("chat", messages, "a chat", tags={"lines": PROSE}, response_format=schema)
        client.set_prompt_tag("chat", "owner", "größte 🐘")
        server.post("model-versions/set-tag", {"name": "chat", "version": "1", "key": "later", "value": "yes"})
        if has("prompt model config"):
            client.register_prompt("chat", messages, model_config={"model_name": "m", "temperature": 0.5, "max_tokens": 10})
        client.link_prompt_version_to_run(run, "prompts:/chat/1")
    one = server.experiment("prompts")
    mlflow.set_experiment(experiment_id=one)
    with mlflow.start_run() as used:
        mlflow.load_prompt("prompts:/text/3")
        if has("rich prompts"):
            mlflow.genai.register_prompt("registered-in-a-run", "{{x}}")
    return used.info.run_id


ATTRIBUTES = {
    "int": 3,
    "large": 2**53 + 1,
    "negative": -(2**63),
    "float": 0.1,
    "whole float": 2.0,
    "tiny": 5e-324,
    "yes": True,
    "no": False,
    "null": None,
    "empty": "",
    "list": [1, "two", 3.5, None, True, {"deep": []}],
    "dict": {"größe": {"a": [1, 2.0], "none": None}, "empty": {}},
    "words": PROSE,
    "big": "0123456789" * 10_000,
    "json in words": '{"a": 1}',
    "number in words": "12",
    "quoted": '"x"',
}


def trace_id(span):
    return getattr(span, "trace_id", None) or span.request_id


def span_tree(server, experiment, name, start=LONG_AGO * NANOS + 123_456, tags=None):
    """A trace with spans of several types, one of them in trouble. Returns its id and that of a span."""
    from mlflow.entities import SpanEvent, SpanStatus, SpanStatusCode

    client = server.client
    question = {"question": "Wie groß? 🐘", "k": 3, "ratio": 2.0, "filters": [None, True]}
    root = client.start_trace(
        name, "AGENT", question, {"level": "0"}, tags or {}, experiment_id=experiment, start_time_ns=start
    )
    trace = trace_id(root)

    def span(name, parent, kind, inputs, attributes=None, after=1):
        return client.start_span(name, trace, parent.span_id, kind, inputs, attributes, start + after * NANOS)

    def end(span, outputs, after, **more):
        client.end_span(trace, span.span_id, outputs, end_time_ns=start + after * NANOS + 789, **more)

    found = [{"page_content": "Seite 1", "metadata": {"doc_uri": "s3://a/b", "chunk": 1}, "id": "1"}]
    retriever = span("retrieve", root, "RETRIEVER", {"query": "groß"}, ATTRIBUTES)
    retriever.add_event(SpanEvent("cache miss", start + 2 * NANOS + 1, {"keys": ["a", "b"], "count": 2, "ratio": 0.5}))
    end(retriever, found, 5)
    chat = span("chat", root, "CHAT_MODEL", [{"role": "user", "content": "größe?"}], after=6)
    chat.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
    tool = span("tool", chat, "TOOL", "a plain string", after=7)
    tool.add_event(SpanEvent.from_exception(ValueError("kaputt: größe\nline two")))
    end(tool, None, 8, status=SpanStatus(SpanStatusCode.ERROR, "tool broke: größe"))
    end(chat, "yes " * 1000, 20)
    end(span("of a kind of its own", root, "MY OWN", None, after=30), 0, 31)
    client.end_trace(trace, {"answer": "a" * 3000, "n": 1}, {"done": True}, end_time_ns=start + 61_234 * NANOS)
    return trace, chat.span_id


def traces(server, model):
    """Spans and their attributes; traces of runs; times; traces that never end."""
    client = server.client
    one = server.experiment("traces")
    full, span = span_tree(server, one, "everything at once", tags={"größe": "größte 🐘", "empty": "", "long": "t" * 4000})
    for at in range(12):
        start = (LONG_AGO + at) * NANOS
        trace = trace_id(client.start_trace(f"small {at}", inputs=at, experiment_id=one, start_time_ns=start))
        client.end_trace(trace, at / 2, status="ERROR" if at % 3 == 0 else "OK", end_time_ns=start + at)
    client.set_trace_tag(trace, "set later", PROSE)
    client.end_trace(trace_id(client.start_trace("no inputs at all", experiment_id=one)))

    mlflow.set_experiment(experiment_id=one)
    with mlflow.start_run(run_id=server.run(one, "with traces", status="RUNNING")):
        with mlflow.start_span("in a run") as outer:
            outer.set_inputs({"a": 1})
            with mlflow.start_span("inside") as inner:
                inner.set_outputs(["b"])
    with mlflow.start_span("of nobody") as outer:
        outer.set_attribute("größe", "größe")
        if has("assessments"):
            metadata = {"mlflow.trace.session": "session 1", "mlflow.trace.user": "Höpper", "own": "größte 🐘"}
            if model is not None:
                metadata["mlflow.modelId"] = model.model_id
            previews = {"request_preview": "kurz", "response_preview": "ü" * 900}
            mlflow.update_current_trace({"t": "1"}, metadata, client_request_id="client/größe 1", **previews)
    unfinished(server, one)
    if has("trace links"):
        client.link_traces_to_run([full, trace], server.run(one, "linked to traces afterwards"))
    return one, full, span


def unfinished(server, experiment):
    """Traces whose program has died: they have no spans."""
    old = {"experiment_id": experiment, "timestamp_ms": LONG_AGO, "request_metadata": [{"key": "own", "value": "größe"}]}
    server.post("traces", {**old, "tags": [{"key": "mlflow.traceName", "value": "never ended"}]})
    if not has("assessments"):
        return
    info = {
        "trace_id": "tr-" + "0123456789abcdef" * 2,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": "2021-02-03T04:05:06.789Z",
        "state": "IN_PROGRESS",
        "client_request_id": "never ended",
        "request_preview": "begun",
        "trace_metadata": {"own": "größe"},
    }
    server.call("POST", "3.0/mlflow/traces", {"trace": {"trace_info": info}})


def assessments(server, trace, span):
    from mlflow.entities import AssessmentSource, Feedback

    human, judge = AssessmentSource("HUMAN", "höpper@example.com"), AssessmentSource("LLM_JUDGE", "gpt")
    code = AssessmentSource("CODE", "check.py")
    values = {"bool": True, "int": 3, "float": 0.1, "whole": 2.0, "words": PROSE, "list": [1, "two", 2.5, True]}
    values["dict"] = {"größe": {"a": [1]}, "none": None}
    for name, value in values.items():
        mlflow.log_feedback(trace_id=trace, name=name, value=value, source=code)
    why = {"rationale": PROSE, "metadata": {"größe": "1", "run": "of nobody"}}
    first = mlflow.log_feedback(trace_id=trace, name="relevance", value="no", source=judge, span_id=span, **why)
    mlflow.override_feedback(
        trace_id=trace, assessment_id=first.assessment_id, value="yes", source=human, rationale="she knows better"
    )
    mlflow.log_feedback(trace_id=trace, name="broken", error=ValueError("kaputt: größe"), source=judge)
    for name, value in {"words": "größe", "dict": {"n": 1, "x": 2.0, "deep": [1, None]}, "list": [1, 2], "int": 7}.items():
        mlflow.log_expectation(trace_id=trace, name=f"expected {name}", value=value, source=human, metadata={"a": "b"})


def evaluation_datasets(server, experiment, trace):
    client = server.client
    other = server.experiment("evaluation elsewhere")
    tags = {"größe": "größte 🐘", "mlflow.user": "eve", "number": 3}
    full = client.create_dataset("eval/größe 1", experiment_id=[experiment, other], tags=tags)
    source = {"source_type": "TRACE", "source_data": {"trace_id": trace}}
    nested = {"n": 1, "x": 2.0, "y": 0.1, "large": 2**53 + 1, "deep": {"list": [1, None, True, "ü"]}, "empty": {}}
    records = [
        {"inputs": {"question": "Wie groß?"}, "expectations": {"answer": "groß", "n": 1}, "tags": {"a": "größe"}},
        {"inputs": nested, "expectations": nested, "source": source},
        {"inputs": {"only": "inputs"}},
        {"inputs": {"of": "a person"}, "source": {"source_type": "HUMAN", "source_data": {"user": "eve"}}},
        {"inputs": {"with": "outputs"}, "outputs": {"answer": [1, 2.0]}},
    ]
    records += [{"inputs": {"number": at}, "expectations": {"twice": 2 * at}} for at in range(100)]
    body = {"dataset_id": full.dataset_id, "records": json.dumps(records)}
    server.call("POST", f"3.0/mlflow/datasets/{full.dataset_id}/records", body)
    client.create_dataset("empty", experiment_id=[experiment])
    client.create_dataset("of no experiment")


def scorers(server, experiment):
    for name, count in {"guide": 2, "größe": 1}.items():
        for number in range(1, count + 1):
            body = {"experiment_id": experiment, "name": name, "serialized_scorer": scorer(name, number)}
            server.call("POST", "3.0/mlflow/scorers/register", body)


def scorer(name, number):
    data = {"instructions": f"Version {number}: is {{{{ outputs }}}} höflich?", "model": "openai:/gpt-4o"}
    fields = {"name": name, "aggregations": [], "is_session_level_scorer": False, "mlflow_version": mlflow.__version__}
    return json.dumps({**fields, "serialization_version": 1, "instructions_judge_pydantic_data": data}, ensure_ascii=False)


def unreadable_trace(server):
    """Servers before 3.6 keep spans in a file: one that is cut off, one that is gone."""
    import os

    one = server.experiment("unreadable trace")
    for what in ["cut off", "gone"]:
        trace, _ = span_tree(server, one, f"file {what}")
        path = os.path.join(server.artifacts, one, "traces", trace, "artifacts", "traces.json")
        if what == "gone":
            os.remove(path)
        else:
            os.truncate(path, 100)


def main():
    server = connect()
    began = time.monotonic()
    in_run = run_models(server)
    model, run = logged_models(server) if has("logged models") else (None, in_run)
    registry(server, in_run, model)
    if "--names" in sys.argv:
        names(server)
    if has("prompts"):
        prompts(server, run)
    if has("traces"):
        experiment, trace, span = traces(server, model)
        if has("assessments"):
            assessments(server, trace, span)
    if not server.is_file_store:
        if has("evaluation datasets"):
            evaluation_datasets(server, experiment, trace)
        if has("scorers"):
            scorers(server, experiment)
    if "--unreadable" in sys.argv:
        if has("logged models"):
            unreadable_model(server)
        if has("traces") and not has("spans in the database"):
            unreadable_trace(server)
    print(f"seeded in {time.monotonic() - began:.0f} s", file=sys.stderr)


main()
