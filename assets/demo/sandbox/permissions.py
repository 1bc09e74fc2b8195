"""Which IAM action a request asks for, and whether the sender's policies allow it."""

import json
from urllib.parse import parse_qs, unquote

from moto.iam.access_control import IAMPolicy, PermissionResult

# STS answers this one to everybody.
ALWAYS = "sts:GetCallerIdentity"
BUCKET_READS = {"location": "s3:GetBucketLocation", "uploads": "s3:ListBucketMultipartUploads", "versioning": "s3:GetBucketVersioning"}
BUCKET_WRITES = {"versioning": "s3:PutBucketVersioning", "publicAccessBlock": "s3:PutBucketPublicAccessBlock", "policy": "s3:PutBucketPolicy"}


def policies_of(account, principal):
    """The policies of a role, of the role behind a session, or of a user."""
    kind, _, name = principal.split(":", 5)[5].partition("/")
    if kind == "assumed-role":
        name = name.split("/")[0]
    elif kind == "role":
        name = name.split("/")[-1]
    else:
        user = account.iam.get_user(name.split("/")[-1])
        return [*user.policies.values(), *user.managed_policies.values()]
    role = account.iam.get_role(name)
    return [*role.policies.values(), *role.managed_policies.values()]


def decision(account, principal, action, resource):
    """`allowed`, `explicitDeny` or `implicitDeny`, as IAM's policy simulator calls them."""
    if action == ALWAYS:
        return "allowed"
    if account.faults.denies(action):
        return "explicitDeny"
    context = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    results = [IAMPolicy(policy).is_action_permitted(action, resource, None, context) for policy in policies_of(account, principal)]
    if PermissionResult.DENIED in results:
        return "explicitDeny"
    return "allowed" if PermissionResult.PERMITTED in results else "implicitDeny"


def trusts(account, name, sender):
    """Whether that role is there, and lets the sender's account or role assume it."""
    role = next((one for one in account.iam.get_roles() if one.arn == name), None)
    if role is None:
        return False
    kind, _, of = sender.split(":", 5)[5].partition("/")
    own = f"arn:aws:iam::{account.number}:role/{of.split('/')[0]}" if kind == "assumed-role" else sender
    allowed = [one["Principal"].get("AWS", []) for one in json.loads(role.assume_role_policy_document)["Statement"] if one["Effect"] == "Allow"]
    named = {name for one in allowed for name in ([one] if isinstance(one, str) else one)}
    return bool(named & {own, account.number, f"arn:aws:iam::{account.number}:root"})


def is_allowed(account, principal, action, resource):
    return decision(account, principal, action, resource) == "allowed"


def needed(account, service, method, path, query, headers, form):
    """The (action, resource) pairs that a request needs."""
    if service != "s3":
        return [(f"{service}:{form.get('Action', ['?'])[0]}", role_of(account, form))]
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    query = parse_qs(query, keep_blank_values=True)
    if not bucket:
        return [("s3:ListAllMyBuckets", "*")]
    if not key:
        return [bucket_action(method, bucket, query)]
    pairs = [(object_action(method, query), f"arn:aws:s3:::{bucket}/{key}")]
    source = headers.get("x-amz-copy-source")
    if source:
        pairs.append(("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').partition('?')[0]}"))
    return pairs


def role_of(account, form):
    """What a request to STS or IAM is about. All that anybody here sends is about a role, or about nothing."""
    if "RoleName" in form:
        return f"arn:aws:iam::{account.number}:role/{form['RoleName'][0]}"
    return form.get("RoleArn", form.get("PolicySourceArn", ["*"]))[0]


def bucket_action(method, bucket, query):
    resource = f"arn:aws:s3:::{bucket}"
    if method == "POST" and "delete" in query:
        return "s3:DeleteObject", f"{resource}/*"
    if method == "DELETE":
        return "s3:DeleteBucket", resource
    known, plain = (BUCKET_READS, "s3:ListBucket") if method in ("GET", "HEAD") else (BUCKET_WRITES, "s3:CreateBucket")
    return next((action for name, action in known.items() if name in query), plain), resource


def object_action(method, query):
    if method in ("GET", "HEAD"):
        return "s3:ListMultipartUploadParts" if "uploadId" in query else "s3:GetObject"
    if method == "DELETE":
        return "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
    return "s3:PutObject"
