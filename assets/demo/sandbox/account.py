"""The AWS account: S3, STS and IAM by moto, behind a layer that checks signatures and permissions as AWS does.

A process of its own, because moto's threads would hold up the data plane.
"""

import json
import os
import re
import sys
from urllib.parse import parse_qsl

from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends
from werkzeug.serving import make_server

import policies
from faults import Faults
from auth import Auth
from permissions import is_allowed
from sigv4 import Key

# No bucket can have this name, so no request for S3 is taken for one of these.
PRIVATE = "/_sandbox/"
SESSION_SECONDS = 3600


class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept: moto's own default closes each
    disable_nagle_algorithm = True
    faults = None  # brought by main

    def log(self, *_):
        pass

    def connection_dropped(self, *_):
        """Nobody waits here for another request."""
        self.close_connection = True

    def date_time_string(self, timestamp=None):
        """By the clock that a fault sets."""
        return super().date_time_string(timestamp or self.faults.now().timestamp())


class Account:
    def __init__(self, number, region, faults):
        self.number, self.region, self.faults = number, region, faults
        self.iam = iam_backends[number]["aws"]
        self.sts = sts_backends[number]["aws"]
        self.s3 = s3_backends[number]["aws"]

    def furnish(self, bucket):
        """What a user has before the migration: a bucket, a role for the App, and a role that migrates."""
        self.s3.create_bucket(bucket, self.region)
        app = self.role("mlflow-app", policies.trust("sagemaker.amazonaws.com"), {"artifacts": policies.app(bucket)})
        trust = policies.trust("ec2.amazonaws.com")
        grants = {"migration": policies.migration(self.number, self.region, bucket, app), "provision": policies.provision(self.number)}
        return {"app_role": app, "migration_role": self.role("migration", trust, grants)}

    def role(self, name, trust, grants):
        made = self.iam.create_role(name, json.dumps(trust), "/", None, "", [], "3600")
        for policy, document in grants.items():
            self.iam.put_role_policy(name, policy, json.dumps(document))
        return made.arn

    def session(self, role, name):
        made = self.sts.assume_role(self.region, name, role, None, SESSION_SECONDS, None)
        return {"access_key": made.access_key_id, "secret": made.secret_access_key, "token": made.session_token, "arn": made.arn}

    def find(self, access_key):
        """The `Key` of a session that STS has opened, or of an IAM user."""
        expired = self.faults.is_expired(access_key)
        session = self.sts.get_assumed_role_from_access_key(access_key)
        if session is not None:
            return Key(session.secret_access_key, session.session_token, session.arn, expired)
        for user in self.iam.users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key:
                    return Key(key.secret_access_key, None, user.arn, expired)
        return None

    def problem(self, store, role):
        """Why an App with this artifact store and role cannot be created, or None."""
        bucket = re.match("s3://([^/]+)", store)
        found = bucket and self.s3.buckets.get(bucket[1])
        if not found:
            return f"Unable to access the S3 bucket in the ArtifactStoreUri {store}. Check that it exists and that the role may read and write it."
        if found.region_name != self.region:
            return f"The S3 bucket {bucket[1]} is in {found.region_name}, and must be in {self.region}."
        named = next((one for one in self.iam.get_roles() if one.arn == role), None)
        if named is None or "sagemaker.amazonaws.com" not in named.assume_role_policy_document:
            return (
                f"Could not assume role {role}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' "
                "to assume the role. SageMaker is unable to perform: sts:AssumeRole on resource"
            )
        return None

    def private(self, question, given):
        """What the control plane and the data plane ask."""
        if question == "session":
            return self.session(given["role"], given["name"])
        if question == "sessions":
            return [{"access_key": one.access_key_id, "arn": one.arn} for one in self.sts.assumed_roles]
        if question == "key":
            key = self.find(given["id"])
            return key and {"secret": key.secret, "token": key.token, "arn": key.arn}
        if question == "allowed":
            return is_allowed(self, given["arn"], given["action"], given["resource"])
        if question == "problem":
            return self.problem(given["store"], given["role"])
        raise ValueError(f"unknown question: {question}")


class Application:
    def __init__(self, account, password):
        self.account, self.password = account, password
        self.auth = Auth(account, DomainDispatcherApplication(create_backend_app))

    def __call__(self, environ, start):
        path = environ["PATH_INFO"]
        if not path.startswith(PRIVATE):
            return self.auth(environ, start)
        if environ.get("HTTP_X_SANDBOX_PASSWORD") != self.password:
            start("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        if path == PRIVATE + "requests":
            return answer(start, self.auth.requests)
        given = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        return answer(start, self.account.private(path[len(PRIVATE) :], given))


def answer(start, value):
    body = json.dumps(value).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def main():
    number, region, bucket, faults = sys.argv[1:]
    account = Account(number, region, Faults(faults))
    Handler.faults = account.faults
    roles = account.furnish(bucket)
    application = Application(account, os.environ["SANDBOX_PASSWORD"])
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    print(json.dumps({"port": server.server_port, **roles}), flush=True)
    server.serve_forever()


main()
