"""Puts a trace with links and kinds on a server (`seed`), takes its link away (`cut`), or tells what it has (`read`)."""

import json
import sys
import urllib.request

import mlflow
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE, OTHER = bytes(range(16)), bytes(range(16, 32))
NAMES = ["unspecified", "internal", "server", "client", "producer", "consumer"]


def send(url, linked):
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for kind, name in enumerate(NAMES):
        span = spans.add(trace_id=TRACE, span_id=bytes([kind + 1] * 8), name=name, kind=kind)
        span.start_time_unix_nano, span.end_time_unix_nano = 10**18 + kind, 10**18 + 10**9 + kind
        if kind:
            span.parent_span_id = bytes([1] * 8)
    if linked:
        link = spans[0].links.add(trace_id=OTHER, span_id=bytes([9] * 8))
        values = {"string_value": "größe"}, {"int_value": -3}, {"double_value": 2.0}, {"bool_value": True}
        for value in values:
            pair = link.attributes.add(key=next(iter(value)))
            setattr(pair.value, *next(iter(value.items())))
        spans[3].links.add(trace_id=TRACE, span_id=bytes([2] * 8))
    headers = {"content-type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
    post = urllib.request.Request(url + "/v1/traces", request.SerializeToString(), headers)
    urllib.request.urlopen(post).close()


def read(url):
    mlflow.set_tracking_uri(url)
    spans = mlflow.MlflowClient().get_trace("tr-" + TRACE.hex()).to_dict()["data"]["spans"]
    told = [[one["name"], one.get("kind"), one.get("links")] for one in spans]
    print(json.dumps(sorted(told, key=lambda one: NAMES.index(one[0]))))


what, url = sys.argv[1:]
read(url) if what == "read" else send(url, what == "seed")
