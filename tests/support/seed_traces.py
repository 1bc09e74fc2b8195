"""Traces with spans of every sort, their assessments, and traces that never end."""

import os

import mlflow
from server import LONG_AGO, PROSE, has

NANOS = 1_000_000
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


def seed(server, model):
    """One of them belongs to this model, if there is one. Returns a trace's id, or None on a release without."""
    if not has("traces"):
        return None
    trace, span = traces(server, model)
    if has("assessments"):
        assessments(server, trace, span)
    return trace


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
    if has("attachments"):
        from mlflow.tracing.attachments import Attachment

        with mlflow.start_span("with a picture") as outer:
            picture = Attachment(content_type="image/png", content_bytes=b"\x89PNG\r\n\x1a\n\x00" * 500)
            outer.set_inputs({"question": "Was ist das?", "picture": picture})
    unfinished(server, one)
    gone = server.experiment("deleted, with a trace")
    span_tree(server, gone, "in a deleted experiment")
    client.delete_experiment(gone)
    if has("trace links"):
        client.link_traces_to_run([full, trace], server.run(one, "linked to traces afterwards"))
    return full, span


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
    """Feedback and expectations with values of every type, of a trace and of a span, one overruled."""
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


def unreadable(server):
    """Servers before 3.6 keep spans in a file: one that is cut off, one that is gone."""
    if not has("traces") or has("spans in the database"):
        return
    one = server.experiment("unreadable trace")
    for what in ["cut off", "gone"]:
        trace, _ = span_tree(server, one, f"file {what}")
        path = os.path.join(server.artifacts, one, "traces", trace, "artifacts", "traces.json")
        if what == "gone":
            os.remove(path)
        else:
            os.truncate(path, 100)
