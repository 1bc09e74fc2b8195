"""What stands in front of S3, STS and IAM: signatures, permissions, checksums, and what goes wrong on purpose."""

import base64
import hashlib
import io
import re
import zlib
from datetime import timedelta
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from permissions import decision, needed, trusts
from sigv4 import Refused, Request, Rules, verify
from simulation import simulate

WINDOWS = {"s3": timedelta(minutes=15)}
# What S3 calls what the others call differently.
S3_NAMES = {
    "UnrecognizedClient": "InvalidAccessKeyId",
    "MissingAuthenticationToken": "AccessDenied",
    "InvalidSignature": "AuthorizationHeaderMalformed",
    "RequestExpired": "RequestTimeTooSkewed",
}
QUERY_NAMES = {"UnrecognizedClient": "InvalidClientTokenId", "InvalidSignature": "SignatureDoesNotMatch", "RequestExpired": "SignatureDoesNotMatch"}
STATUS = {"ExpiredToken": 400, "InvalidToken": 400, "AuthorizationHeaderMalformed": 400, "BadDigest": 400, "XAmzContentSHA256Mismatch": 400}
WHY = {"explicitDeny": "with an explicit deny in an identity-based policy", "implicitDeny": "because no identity-based policy allows the {} action"}
CHECKSUMS = {
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body).digest(),
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "content-md5": lambda body: hashlib.md5(body).digest(),
}


class Auth:
    def __init__(self, account, moto):
        self.account, self.moto, self.faults = account, moto, account.faults
        self.requests = 0

    def __call__(self, environ, start):
        self.requests += 1
        # Read to its end in any case: what is left would be taken for the next request of the connection.
        body = read_body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        target = environ["REQUEST_URI"]
        headers = headers_of(environ)
        service = service_of(headers.get("authorization", ""))
        fault = self.faults.answer("aws", environ["REQUEST_METHOD"], target, len(body), headers)
        if fault and not fault.get("cut"):
            return reply(start, fault["status"], fault.get("body", "").encode(), fault.get("headers", {}))
        form = parse_qs(body.decode(errors="replace")) if service != "s3" else {}
        try:
            arn = self.authenticate(environ, target, headers, service, body)
            self.authorise(arn, environ, headers, service, form)
        except Refused as refused:
            return refuse(start, environ["REQUEST_METHOD"], service, refused, self.faults.now())
        if service == "iam" and form.get("Action") == ["SimulatePrincipalPolicy"]:
            return reply(start, 200, simulate(self.account, form), {"Content-Type": "text/xml"})
        region = self.elsewhere(environ, target, headers) if service == "s3" else None
        if region:
            return redirect(start, environ["REQUEST_METHOD"], region)
        answer = self.moto(environ, start)
        return cut(answer, fault.get("after_bytes", 0)) if fault else answer

    def elsewhere(self, environ, target, headers):
        """The region of the bucket, where the request is signed for another one."""
        bucket = self.account.s3.buckets.get(unquote(environ["PATH_INFO"]).lstrip("/").partition("/")[0])
        signed = re.search("Credential=[^/]+/[0-9]{8}/([^/]+)/", headers.get("authorization", "") or unquote(target))
        return bucket.region_name if bucket and signed and signed[1] != bucket.region_name else None

    def authenticate(self, environ, target, headers, service, body):
        payload = headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
        request = Request(environ["REQUEST_METHOD"], target, list(headers.items()), payload)
        rules = Rules(service, None, window=WINDOWS.get(service, timedelta(minutes=5)))
        _, key = verify(request, rules, self.account.find, self.faults.now())
        if len(payload) == 64 and payload != hashlib.sha256(body).hexdigest():
            raise Refused("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
        if not payload.startswith("STREAMING"):
            check_checksums(headers, body)
        return key.arn

    def authorise(self, arn, environ, headers, service, form):
        method, path, query = environ["REQUEST_METHOD"], environ["REQUEST_URI"].partition("?")[0], environ["QUERY_STRING"]
        for action, resource in needed(self.account, service, method, path, query, headers, form):
            verdict = decision(self.account, arn, action, resource)
            if verdict != "allowed":
                why = WHY[verdict].format(action)
                raise Refused("AccessDenied", f"User: {arn} is not authorized to perform: {action} on resource: {resource} {why}")
            # A policy of one's own is not enough: the role has a say, too. AWS does not tell what of the two is missing.
            if action == "sts:AssumeRole" and not trusts(self.account, resource, arn):
                raise Refused("AccessDenied", f"User: {arn} is not authorized to perform: {action} on resource: {resource}")


def read_body(environ):
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        return environ["wsgi.input"].read()
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def headers_of(environ):
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def service_of(authorization):
    """S3, if the signature does not say otherwise: only S3 knows requests without one."""
    scope = authorization.partition("Credential=")[2].split("/")
    return scope[3] if len(scope) > 3 and scope[3] in ("sts", "iam") else "s3"


def check_checksums(headers, body):
    for name, digest in CHECKSUMS.items():
        if name in headers and headers[name] != base64.b64encode(digest(body)).decode():
            raise Refused("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def refuse(start, method, service, refused, now):
    names = S3_NAMES if service == "s3" else QUERY_NAMES
    code = names.get(refused.code, refused.code)
    inner = f"<Code>{code}</Code><Message>{escape(refused.message)}</Message>"
    if code == "RequestTimeTooSkewed":
        inner = f"<Code>{code}</Code><Message>The difference between the request time and the current time is too large.</Message>"
    xml = f"<Error>{inner}<RequestId>SANDBOX</RequestId></Error>"
    if service != "s3":
        xml = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>SANDBOX</RequestId></ErrorResponse>"
    status = STATUS.get(code, 403) if service == "s3" else 403
    date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    body = b"" if method == "HEAD" else xml.encode()
    return reply(start, status, body, {"Content-Type": "application/xml", "Date": date})


def redirect(start, method, region):
    message = "The bucket you are attempting to access must be addressed using the specified endpoint."
    xml = f"<Error><Code>PermanentRedirect</Code><Message>{message}</Message><RequestId>SANDBOX</RequestId></Error>"
    body = b"" if method == "HEAD" else xml.encode()
    return reply(start, 301, body, {"Content-Type": "application/xml", "x-amz-bucket-region": region})


def cut(answer, length):
    """moto has done it; the connection ends before all of this is told."""
    for chunk in answer:
        if length:
            yield chunk[:length]
        length -= min(length, len(chunk))
        if not length:
            break
    raise ConnectionAbortedError("cut on purpose")


def reply(start, status, body, headers):
    start(f"{status} Answer", [*headers.items(), ("Content-Length", str(len(body))), ("x-amz-request-id", "SANDBOX")])
    return [body]
