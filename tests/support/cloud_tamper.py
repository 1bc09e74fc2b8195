"""Sends the data plane requests whose signatures are wrong in one way each; botocore signs them.

Arguments: the ARNs of an App and of a tracking server.
"""

import hashlib
import http.client
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
import boto3
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

APP, SERVER = sys.argv[1:]
ENDPOINT = os.environ["SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT"]
SEARCH = "/api/2.0/mlflow/experiments/search"
BY_NAME = "/api/2.0/mlflow/experiments/get-by-name?experiment_name="
OWN = boto3.Session().get_credentials()
BODY = b'{"max_results": 1}'


class Leaving(botocore.auth.SigV4Auth):
    """Leaves some headers unsigned."""

    left = ()

    def headers_to_sign(self, request):
        headers = super().headers_to_sign(request)
        for name in self.left:
            del headers[name]
        return headers


def signed(
    target=SEARCH, method="POST", body=BODY, arn=APP, header="x-sm-mlflow-app-arn", service="sagemaker", region="eu-central-1", minutes=0, left=(), **keys
):
    """The headers of a request, correct unless told otherwise."""
    given = {"access_key": OWN.access_key, "secret_key": OWN.secret_key, "token": OWN.token} | keys
    headers = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest(), "Content-Type": "application/json"}
    if arn:
        headers[header] = arn
    signer = Leaving(Credentials(**given), service, region)
    signer.left = left
    request = AWSRequest(method, ENDPOINT + target, headers, body)
    then = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(minutes=minutes)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: then):
        signer.add_auth(request)
    return dict(request.headers.items())


def send(headers, target=SEARCH, method="POST", body=BODY):
    connection = http.client.HTTPConnection(urlsplit(ENDPOINT).netloc, timeout=60)
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def without(headers, *names):
    return {name: value for name, value in headers.items() if name.lower() not in names}


def accepted(headers, *sent):
    status, text = send(headers, *sent)
    assert status in (200, 404) and "Request is not" not in text, (status, text)


def refused(text, headers, *sent):
    status, body = send(headers, *sent)
    assert status == 403 and text in json.loads(body)["message"], (text, status, body)


TRACKING_SERVER = {"arn": SERVER, "header": "x-mlflow-sm-tracking-server-arn", "service": "sagemaker-mlflow"}
MISMATCH = "signature we calculated does not match"
INVALID = "security token included in the request is invalid"

accepted(signed())
accepted(signed(**TRACKING_SERVER))
for name in ("a%20b", "a%2Bb", "%E5%BA%97", "%20%2520", "a~b-c._d"):
    accepted(signed(BY_NAME + name, "GET", b""), BY_NAME + name, "GET", b"")
accepted(signed(minutes=4))

refused("scoped to correct service: 'sagemaker'", signed(service="sagemaker-mlflow"))
refused("scoped to correct service: 'sagemaker-mlflow'", signed(**(TRACKING_SERVER | {"service": "sagemaker"})))
refused("scoped to a valid region, not 'us-west-2'", signed(region="us-west-2"))
refused("Signature expired", signed(minutes=-6))
refused("Signature not yet current", signed(minutes=6))
refused(MISMATCH, signed(), SEARCH, "POST", b'{"max_results": 2}')
refused(MISMATCH, signed(), SEARCH + "?x=1")
refused(MISMATCH, signed(), BY_NAME + "x", "POST")
refused(MISMATCH, signed(method="PUT"))
refused(MISMATCH, signed(secret_key="wrong"))
refused(INVALID, signed(token="wrong"))
refused(INVALID, signed(token=None))
refused(INVALID, signed(access_key="ASIANOBODY"))
refused("Request is not authorized", signed(arn=APP[:-12] + "0" * 12))
refused("Request is not authorized", signed(arn=SERVER))
refused("Missing Authentication Token", without(signed(), "authorization"))
refused("requires Credential", signed() | {"Authorization": "AWS4-HMAC-SHA256 nonsense"})
refused("'x-sm-mlflow-app-arn' must be", signed(left=["x-sm-mlflow-app-arn"]))
refused("'x-sm-mlflow-app-arn' must be", signed(arn=None))
refused("'x-amz-security-token' must be", signed(left=["x-amz-security-token"]))
refused("'x-amz-content-sha256' must be", signed(left=["x-amz-content-sha256"]))
refused("'x-amz-content-sha256' must be", without(signed(), "x-amz-content-sha256"))
refused("'host' must be", signed(left=["host"]))
refused(MISMATCH, signed() | {"x-sm-mlflow-app-arn": SERVER})
# MLflow means a space by a plus; AWS does not: signed with %20, sent with a plus.
refused(MISMATCH, signed(BY_NAME + "a%20b", "GET", b""), BY_NAME + "a+b", "GET", b"")
# S3 alone encodes a path once.
with mock.patch.object(Leaving, "_normalize_url_path", lambda self, path: path):
    tag = "/api/2.0/mlflow/traces/tr-1/tags/a%20b"
    refused(MISMATCH, signed(tag, "DELETE", b""), tag, "DELETE", b"")
