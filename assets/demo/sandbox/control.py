"""The control plane: SageMaker's awsJson1.1, held to botocore's model in both directions."""

import hashlib
import json
import uuid

from aiohttp import web
from apps import Apps
from caller import Caller, ServiceError
from model_check import Invalid, check, service_model
from sigv4 import Refused, Request, Rules, verify
from tracking_servers import TrackingServers

CONTENT_TYPE = "application/x-amz-json-1.1"
PREFIX = "SageMaker."
# How the control plane calls what stops a request before it reaches an operation.
NAMES = {
    "UnrecognizedClient": "UnrecognizedClientException",
    "InvalidToken": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "InvalidSignature": "InvalidSignatureException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "RequestExpired": "InvalidSignatureException",
}


class ControlPlane:
    def __init__(self, state):
        self.state, self.model = state, service_model()
        self.apps, self.tracking_servers = Apps(state), TrackingServers(state)
        self.operations = self.apps.operations() | self.tracking_servers.operations()
        self.operations |= {"AddTags": self.add_tags, "ListTags": self.list_tags}

    async def handle(self, http):
        body = await http.read()
        fault = self.state.faults.answer("control", http.method, http.headers.get("x-amz-target", ""), len(body))
        if fault and not fault.get("cut"):
            return web.Response(status=fault["status"], headers=fault.get("headers"), text=fault.get("body", ""))
        try:
            answer = await self.answer(http, body)
        except Refused as refused:
            return self.error(NAMES.get(refused.code, refused.code), refused.message)
        except ServiceError as error:
            return self.error(error.code, error.message)
        if fault:
            http.transport.close()
        return self.reply(200, answer)

    async def answer(self, http, body):
        caller = await self.authenticate(http, body)
        target = http.headers.get("x-amz-target", "")
        name = target[len(PREFIX) :] if target.startswith(PREFIX) else ""
        if name not in self.operations or http.content_type != CONTENT_TYPE:
            raise ServiceError("UnknownOperationException", "The requested operation is not supported.")
        operation = self.model.operation_model(name)
        request = parse(body)
        try:
            check(operation.input_shape, request)
        except Invalid as invalid:
            raise ServiceError("ValidationException", str(invalid)) from invalid
        answer = await self.operations[name](request, caller)
        check(operation.output_shape, answer)
        return answer

    async def authenticate(self, http, body):
        headers = [(name.decode().lower(), value.decode()) for name, value in http.raw_headers]
        request = Request(http.method, http.raw_path, headers, hashlib.sha256(body).hexdigest())
        find = await self.state.key(request.get("authorization"))
        _, key = verify(request, Rules("sagemaker", self.state.region, ("x-amz-target",)), find, self.state.faults.now())
        return Caller(self.state, key.arn)

    def resource(self, arn):
        found = self.apps.table.get(arn) or self.tracking_servers.table.get(arn)
        if found is None:
            raise ServiceError("ValidationException", f"Resource {arn} does not exist.")
        return found

    async def add_tags(self, request, caller):
        await caller.needs("AddTags", request["ResourceArn"])
        resource = self.resource(request["ResourceArn"])
        resource.tags |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        return {"Tags": tags_of(resource)}

    async def list_tags(self, request, caller):
        await caller.needs("ListTags", request["ResourceArn"])
        return {"Tags": tags_of(self.resource(request["ResourceArn"]))}

    def error(self, code, message):
        # Real answers carry the message under either spelling.
        key = "Message" if code in ("AccessDeniedException", "ResourceNotFound") else "message"
        return self.reply(400, {"__type": code, key: message})

    def reply(self, status, body):
        headers = {"x-amzn-RequestId": str(uuid.uuid4()), "Content-Type": CONTENT_TYPE, "Date": http_date(self.state.faults.now())}
        return web.Response(status=status, body=json.dumps(body).encode(), headers=headers)


def parse(body):
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is no JSON: {error}") from error


def tags_of(resource):
    return [{"Key": key, "Value": value} for key, value in resource.tags.items()]


def http_date(now):
    return now.strftime("%a, %d %b %Y %H:%M:%S GMT")
