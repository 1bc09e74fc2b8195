"""Every message of this MLflow's descriptors that is no request or response, with its fields: one to a line."""

import importlib
import pathlib

import mlflow.protos
from mlflow.entities import Link, Span
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext


def messages(all_of_it):
    for message in all_of_it.values():
        nested = message.nested_types_by_name
        is_entry = message.GetOptions().map_entry
        if not is_entry and "Response" not in nested and not message.name.endswith(("Request", "Response")):
            yield message
        yield from messages(nested)


def main():
    for file in sorted(pathlib.Path(mlflow.protos.__path__[0]).glob("*_pb2.py")):
        module = importlib.import_module(f"mlflow.protos.{file.stem}").DESCRIPTOR
        print("file", file.stem, module.package)
        for message in messages(module.message_types_by_name):
            print(file.stem, message.full_name, *(field.name for field in message.fields))
    for module in [trace_pb2, common_pb2, resource_pb2]:
        print("file", module.DESCRIPTOR.package, module.DESCRIPTOR.package)
        for message in messages(module.DESCRIPTOR.message_types_by_name):
            print(module.DESCRIPTOR.package, message.full_name, *(field.name for field in message.fields))
    context = SpanContext(1, 1, is_remote=False)
    span = Span(ReadableSpan("any", context, attributes={"mlflow.traceRequestId": '"tr-1"'}))
    print("file", "traces.json", "mlflow")
    print("traces.json", "Span.to_dict", *span.to_dict())
    print("traces.json", "Link.to_dict", *Link("tr-1", "1").to_dict())


main()
