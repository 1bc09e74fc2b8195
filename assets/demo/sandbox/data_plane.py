"""The data plane: MLflow's REST API behind SigV4 and the header that names the App."""

import hashlib
import json
import re
import uuid

import aiohttp
from aiohttp import web
from control import http_date
from resources import READY
from sigv4 import Refused, Request, Rules, verify
from ui import COOKIE

APP_HEADER = "x-sm-mlflow-app-arn"
SERVER_HEADER = "x-mlflow-sm-tracking-server-arn"
NOT_AUTHORIZED = "Request is not authorized"
# What managed MLflow does not have: OTLP, the AI gateway, the artifact proxy, presigned uploads.
ABSENT = re.compile(r"^/(v1/traces|gateway/|(ajax-)?api/\d\.0/(mlflow/gateway|mlflow-artifacts/|mlflow/artifacts/presigned))")
PRESIGNED = re.compile(r"^/api/2\.0/mlflow/artifacts/presigned-upload-url$")
# These belong to one connection or to the signature, not to MLflow.
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length", "authorization"}
NOT_PASSED_ON |= {"cookie", APP_HEADER, SERVER_HEADER}
CHUNK = 64 * 1024


class NotServed(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


class DataPlane:
    def __init__(self, state, control, sessions, uploads):
        self.state, self.control, self.sessions, self.uploads = state, control, sessions, uploads

    async def handle(self, http):
        if http.path == "/auth":
            return self.sessions.sign_in(http)
        body = await http.read()
        fault = self.state.faults.answer("data", http.method, http.raw_path, len(body))
        try:
            if fault and not fault.get("cut"):
                return self.reply(fault["status"], fault.get("body", ""), fault.get("headers", {}))
            resource = await self.resource(http, body)
            self.check_ready(resource)
            await resource.upstream.ready()
            if PRESIGNED.match(http.path) and self.state.faults.get("presigned_upload"):
                return self.reply(*await self.uploads.presign(resource, json.loads(body)))
            if ABSENT.match(http.path):
                raise NotServed(404, "Not Found")
            return await self.forward(http, body, resource, cut=fault is not None)
        except Refused as refused:
            return self.reply(403, json.dumps({"message": refused.message}))
        except NotServed as no:
            return self.reply(no.status, json.dumps({"message": no.message}))

    async def resource(self, http, body):
        """The App or tracking server that the sender names, if it may call it."""
        if COOKIE in http.cookies and "authorization" not in http.headers:
            resource = self.sessions.resource(http)
            if resource is None:
                raise NotServed(403, "The session has expired.")
            return resource
        return await self.signed_resource(http, body)

    async def signed_resource(self, http, body):
        headers = [(name.decode().lower(), value.decode()) for name, value in http.raw_headers]
        request = Request(http.method, http.raw_path, headers, hashlib.sha256(body).hexdigest())
        app, server = request.get(APP_HEADER), request.get(SERVER_HEADER)
        header, service = (SERVER_HEADER, "sagemaker-mlflow") if app is None and server is not None else (APP_HEADER, "sagemaker")
        find = await self.state.key(request.get("authorization"))
        rules = Rules(service, self.state.region, (header, "x-amz-content-sha256"))
        _, key = verify(request, rules, find, self.state.faults.now())
        table, action = (
            (self.control.apps.table, "sagemaker:CallMlflowAppApi")
            if header == APP_HEADER
            # One action stands for the 61 of a tracking server, one for each RPC.
            else (self.control.tracking_servers.table, "sagemaker-mlflow:CallApi")
        )
        arn = request.get(header)
        resource = table.get(arn)
        if resource is None or not await self.state.allows(key.arn, action, arn):
            raise NotServed(403, NOT_AUTHORIZED)
        return resource

    def check_ready(self, resource):
        status = resource.told_status()
        if status == "Updating" or self.state.faults.get("maintenance") == "MaintenanceInProgress":
            raise NotServed(503, f"{resource.arn} is in status {status}.")
        if status not in READY:
            raise NotServed(403, f"{resource.arn} is in status {status}.")

    async def forward(self, http, body, resource, cut):
        headers = [(name, value) for name, value in http.headers.items() if name.lower() not in NOT_PASSED_ON and not name.lower().startswith("x-amz-")]
        url = aiohttp.client.URL(resource.upstream.url + http.raw_path, encoded=True)
        async with self.state.http.request(http.method, url, headers=headers, data=body or None, allow_redirects=False) as upstream:
            if cut:
                # MLflow has done it; the connection ends before anybody is told.
                await upstream.read()
                print(f"cut: {http.method} {http.path}", flush=True)
                http.transport.abort()
            answer = web.StreamResponse(status=upstream.status, headers=self.passed_back(upstream))
            try:
                await answer.prepare(http)
                async for chunk in upstream.content.iter_chunked(CHUNK):
                    await answer.write(chunk)
                await answer.write_eof()
            except ConnectionResetError:
                pass  # whoever asked does not wait for the answer
            return answer

    def passed_back(self, upstream):
        headers = [(name, value) for name, value in upstream.headers.items() if name.lower() not in ("connection", "transfer-encoding", "date", "server")]
        return headers + list(self.own_headers().items())

    def own_headers(self):
        return {"x-amzn-RequestId": str(uuid.uuid4()), "Date": http_date(self.state.faults.now())}

    def reply(self, status, text, headers=None):
        kind = {"Content-Type": "application/json"}
        return web.Response(status=status, body=text.encode(), headers=kind | self.own_headers() | (headers or {}))
