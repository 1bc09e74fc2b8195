"""Verifies AWS Signature Version 4, as AWS does: from its description, not with the code that signs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
STAMP = "%Y%m%dT%H%M%SZ"


class Refused(Exception):
    """Why a request is not let in. The code is the one of AWS's common errors; each plane has its own envelope."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Request:
    method: str
    target: str  # path and query exactly as they were sent
    headers: list  # (lower-case name, value) pairs, in order, with repetitions
    payload: str  # SHA-256 of the body in hex, or what S3 allows instead of it

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name):
        return next(iter(self.all(name)), None)


@dataclass(frozen=True)
class Rules:
    service: str
    region: str | None  # None: whatever region the signature is for
    must_sign: tuple = ()  # headers, besides host and x-amz-*
    window: timedelta = timedelta(minutes=5)

    @property
    def is_s3(self):
        return self.service == "s3"


@dataclass(frozen=True)
class Key:
    secret: str
    token: str | None
    arn: str
    expired: bool = False


@dataclass(frozen=True)
class Claim:
    """What the sender says of its signature."""

    access_key: str
    scope: list  # date, region, service, "aws4_request"
    signed: list
    signature: str
    stamp: str
    token: str | None
    expires: timedelta | None = None  # only presigned URLs
    in_query: bool = False


def verify(request, rules, find, now):
    """Gives (access key, `Key`) of the sender, or raises `Refused`. `find` gives the `Key` of an access key."""
    claim = claim_of(request, rules)
    check_scope(claim, rules)
    check_time(claim, rules, now)
    key = find(claim.access_key)
    if key is None:
        raise Refused("UnrecognizedClient", "The security token included in the request is invalid.")
    if key.token != claim.token:
        raise Refused("InvalidToken", "The security token included in the request is invalid.")
    if key.expired:
        raise Refused("ExpiredToken", "The security token included in the request is expired")
    check_signed_headers(request, claim, rules)
    if not hmac.compare_digest(signature(request, claim, rules, key.secret), claim.signature):
        message = "The request signature we calculated does not match the signature you provided."
        raise Refused("SignatureDoesNotMatch", f"{message} Check your AWS Secret Access Key and signing method.")
    return claim.access_key, key


def claim_of(request, rules):
    header = request.get("authorization")
    if header is None:
        return presigned_claim(request, rules)
    algorithm, _, rest = header.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    stamp = request.get("x-amz-date")
    if algorithm != ALGORITHM or set(parts) != {"Credential", "SignedHeaders", "Signature"} or not stamp:
        raise Refused("IncompleteSignature", "Authorization header requires Credential, SignedHeaders, Signature and X-Amz-Date.")
    access_key, *scope = parts["Credential"].split("/")
    signed = parts["SignedHeaders"].split(";")
    return Claim(access_key, scope, signed, parts["Signature"], stamp, request.get("x-amz-security-token"))


def presigned_claim(request, rules):
    given = {name: unquote_to_bytes(value).decode() for name, value in query_pairs(request.target)}
    if not rules.is_s3 or "X-Amz-Signature" not in given:
        raise Refused("MissingAuthenticationToken", "Missing Authentication Token")
    try:
        access_key, *scope = given["X-Amz-Credential"].split("/")
        expires = timedelta(seconds=int(given["X-Amz-Expires"]))
        signed, stamp = given["X-Amz-SignedHeaders"].split(";"), given["X-Amz-Date"]
    except (KeyError, ValueError) as error:
        raise Refused("AuthorizationQueryParametersError", f"Query-string authentication: {error}") from error
    token = given.get("X-Amz-Security-Token")
    return Claim(access_key, scope, signed, given["X-Amz-Signature"], stamp, token, expires, in_query=True)


def check_scope(claim, rules):
    if len(claim.scope) != 4 or claim.scope[3] != "aws4_request":
        raise Refused("IncompleteSignature", "Credential should be access-key/date/region/service/aws4_request.")
    _, region, service, _ = claim.scope
    if service != rules.service:
        raise Refused("InvalidSignature", f"Credential should be scoped to correct service: '{rules.service}'.")
    if rules.region is not None and region != rules.region:
        raise Refused("InvalidSignature", f"Credential should be scoped to a valid region, not '{region}'.")


def check_time(claim, rules, now):
    try:
        sent = datetime.strptime(claim.stamp, STAMP).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise Refused("IncompleteSignature", f"Date in wrong format: '{claim.stamp}'.") from error
    if claim.stamp[:8] != claim.scope[0]:
        raise Refused("InvalidSignature", f"Date in Credential scope does not match {claim.stamp[:8]}.")
    if claim.expires is not None and now > sent + claim.expires:
        raise Refused("AccessDenied", "Request has expired")
    if claim.expires is None and abs(now - sent) > rules.window:
        is_old, edge = sent < now, (now - rules.window if sent < now else now + rules.window)
        what = "Signature expired" if is_old else "Signature not yet current"
        than = "earlier" if is_old else "later"
        raise Refused("RequestExpired", f"{what}: {claim.stamp} is now {than} than {edge.strftime(STAMP)}")


def check_signed_headers(request, claim, rules):
    present = {name for name, _ in request.headers}
    needed = {"host", *rules.must_sign} | {name for name in present if name.startswith("x-amz-")}
    for name in sorted(needed):
        if name not in claim.signed or name not in present:
            raise Refused("InvalidSignature", f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def signature(request, claim, rules, secret):
    scope = "/".join(claim.scope)
    hashed = hashlib.sha256(canonical(request, claim, rules).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in claim.scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, "\n".join([ALGORITHM, claim.stamp, scope, hashed]).encode(), hashlib.sha256).hexdigest()


def canonical(request, claim, rules):
    path = request.target.partition("?")[0]
    headers = [f"{name}:{','.join(squeezed(value) for value in request.all(name))}\n" for name in claim.signed]
    payload = "UNSIGNED-PAYLOAD" if claim.in_query else request.payload
    query = canonical_query(request.target)
    return "\n".join([request.method, canonical_path(path, rules), query, "".join(headers), ";".join(claim.signed), payload])


def canonical_path(path, rules):
    """S3 signs an object's key as it is; every other service the path without dots, encoded once more."""
    if rules.is_s3:
        return quote(unquote_to_bytes(path), safe="/-_.~")
    segments = []
    for segment in path.split("/"):
        if segment == "..":
            segments[-1:] = []
        elif segment not in ("", "."):
            segments.append(segment)
    slash = "/" if segments and path.endswith("/") else ""
    return quote("/" + "/".join(segments) + slash, safe="/-_.~")


def canonical_query(target):
    """A plus is a plus here, though browsers and MLflow's client mean a space by it."""
    pairs = [(encoded(name), encoded(value)) for name, value in query_pairs(target)]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs) if name != "X-Amz-Signature")


def query_pairs(target):
    query = target.partition("?")[2]
    return [pair.partition("=")[::2] for pair in query.split("&") if pair]


def encoded(text):
    return quote(unquote_to_bytes(text), safe="-_.~")


def squeezed(value):
    return re.sub(" +", " ", value.strip())
