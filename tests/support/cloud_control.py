"""Drives the control plane of the sandbox with boto3, whose model of SageMaker is AWS's own.

Arguments: the bucket, and the ARN of the App's role.
"""

import sys
import time
import urllib.request
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET, ROLE = sys.argv[1:]
STORE = f"s3://{BUCKET}/mlflow"
# Errors as they come; and the names that the model refuses must reach the service.
CONFIG = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
sagemaker = boto3.client("sagemaker", config=CONFIG)
NOWHERE = "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-app/app-000000000000"


def refused(code, operation, **request):
    try:
        operation(**request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected")


def wait(describe, key="Status", until=("Created", "Updated")):
    statuses = []
    for _ in range(1800):
        status = describe()[key]
        if status not in statuses:
            statuses.append(status)
        if status in until:
            return statuses
        assert not status.endswith("Failed"), status
        time.sleep(0.1)
    raise AssertionError(f"still {statuses}")


def apps():
    assert sagemaker.list_mlflow_apps()["Summaries"] == []
    before = datetime.now(timezone.utc)
    arns = []
    for at, name in enumerate(["first", "second", "3rd-app"]):
        tags = [{"Key": "team", "Value": f"ris\u00e9 {at}"}]
        arns.append(sagemaker.create_mlflow_app(Name=name, ArtifactStoreUri=f"{STORE}/{name}", RoleArn=ROLE, Tags=tags)["Arn"])
    refused("ResourceLimitExceeded", sagemaker.create_mlflow_app, Name="fourth", ArtifactStoreUri=STORE, RoleArn=ROLE)
    refused("ConflictException", sagemaker.update_mlflow_app, Arn=arns[0], Name="other")
    for arn in arns:
        assert wait(lambda arn=arn: sagemaker.describe_mlflow_app(Arn=arn))[0] in ("Creating", "Created")
    app = sagemaker.describe_mlflow_app(Arn=arns[0])
    assert app["CreationTime"] >= before.replace(microsecond=0) and app["Name"] == "first", app
    assert app["MlflowVersion"] == "3.10.1" and app["ModelRegistrationMode"] == "AutoModelRegistrationDisabled", app
    assert ":assumed-role/migration/" in app["CreatedBy"]["IamIdentity"]["Arn"], app
    assert sagemaker.list_tags(ResourceArn=arns[1])["Tags"] == [{"Key": "team", "Value": "ris\u00e9 1"}]
    sagemaker.add_tags(ResourceArn=arns[1], Tags=[{"Key": "more", "Value": ""}])
    assert len(sagemaker.list_tags(ResourceArn=arns[1])["Tags"]) == 2

    pages = list(sagemaker.get_paginator("list_mlflow_apps").paginate(MaxResults=2, SortBy="Name", SortOrder="Ascending"))
    assert [[one["Name"] for one in page["Summaries"]] for page in pages] == [["3rd-app", "first"], ["second"]], pages
    assert sagemaker.list_mlflow_apps(CreatedAfter=datetime.now(timezone.utc))["Summaries"] == []
    assert sagemaker.list_mlflow_apps(Status="Creating")["Summaries"] == []
    assert len(sagemaker.list_mlflow_apps(MlflowVersion="3.10.1")["Summaries"]) == 3

    sagemaker.update_mlflow_app(Arn=arns[0], Name="renamed")
    assert "Updating" in wait(lambda: sagemaker.describe_mlflow_app(Arn=arns[0]))
    app = sagemaker.describe_mlflow_app(Arn=arns[0])
    # The documented trap: an update that does not name the mode switches registration on.
    assert (app["Name"], app["ModelRegistrationMode"]) == ("renamed", "AutoModelRegistrationEnabled"), app
    for arn in arns:
        sagemaker.delete_mlflow_app(Arn=arn)
        wait(lambda arn=arn: sagemaker.describe_mlflow_app(Arn=arn), until=("Deleted",))
    assert sagemaker.list_mlflow_apps()["Summaries"] == []


def tracking_servers():
    name = {"TrackingServerName": "legacy"}
    made = sagemaker.create_mlflow_tracking_server(**name, ArtifactStoreUri=STORE, RoleArn=ROLE)
    assert made["TrackingServerArn"].endswith(":mlflow-tracking-server/legacy"), made
    refused("ConflictException", sagemaker.stop_mlflow_tracking_server, **name)
    status = "TrackingServerStatus"
    wait(lambda: sagemaker.describe_mlflow_tracking_server(**name), status)
    server = sagemaker.describe_mlflow_tracking_server(**name)
    assert (server["TrackingServerSize"], server["IsActive"]) == ("Small", "Active"), server
    listed = sagemaker.list_mlflow_tracking_servers(MaxResults=1)["TrackingServerSummaries"]
    assert [one["TrackingServerName"] for one in listed] == ["legacy"], listed
    assert sagemaker.create_presigned_mlflow_tracking_server_url(**name)["AuthorizedUrl"].startswith("http")
    sagemaker.stop_mlflow_tracking_server(**name)
    wait(lambda: sagemaker.describe_mlflow_tracking_server(**name), status, ("Stopped",))
    refused("ValidationException", sagemaker.create_presigned_mlflow_tracking_server_url, **name)
    sagemaker.start_mlflow_tracking_server(**name)
    wait(lambda: sagemaker.describe_mlflow_tracking_server(**name), status, ("Started",))
    refused("ConflictException", sagemaker.start_mlflow_tracking_server, **name)
    sagemaker.update_mlflow_tracking_server(**name, TrackingServerSize="Medium")
    wait(lambda: sagemaker.describe_mlflow_tracking_server(**name), status)
    sagemaker.delete_mlflow_tracking_server(**name)
    refused("ResourceNotFound", sagemaker.describe_mlflow_tracking_server, TrackingServerName="nobody")


def errors():
    good = {"Name": "good", "ArtifactStoreUri": STORE, "RoleArn": ROLE}
    for wrong in [
        {"Name": "bad_name"},
        {"Name": "trailing-"},
        {"Name": "x" * 257},
        {"ArtifactStoreUri": "gs://bucket/x"},
        {"RoleArn": "arn:aws:iam::1:role/x"},
        {"WeeklyMaintenanceWindowStart": "TUE:03:30"},
        {"ModelRegistrationMode": "Enabled"},
        {"AccountDefaultStatus": "yes"},
        {"DefaultDomainIdList": ["nothing"]},
        {"KmsKeyId": "no spaces"},
        {"Tags": [{"Key": "", "Value": "x"}]},
        {"Tags": [{"Key": "a*b", "Value": "x"}]},
        {"Tags": [{"Key": f"k{at}", "Value": ""} for at in range(51)]},
    ]:
        message = refused("ValidationException", sagemaker.create_mlflow_app, **(good | wrong))
        assert "failed to satisfy constraint: Member must " in message, message
    refused("ValidationException", sagemaker.create_mlflow_app, Name="good")
    refused("ValidationException", sagemaker.list_mlflow_apps, MaxResults=101)
    refused("ValidationException", sagemaker.create_presigned_mlflow_app_url, Arn=NOWHERE, ExpiresInSeconds=4)
    message = refused("ValidationException", sagemaker.create_mlflow_app, **(good | {"RoleArn": "arn:aws:iam::111122223333:role/migration"}))
    assert "unable to perform: sts:AssumeRole" in message, message
    message = refused("ValidationException", sagemaker.create_mlflow_app, **(good | {"ArtifactStoreUri": "s3://not-there/x"}))
    assert "not-there" in message, message
    for operation in ("describe_mlflow_app", "update_mlflow_app", "delete_mlflow_app", "create_presigned_mlflow_app_url"):
        refused("ResourceNotFound", getattr(sagemaker, operation), Arn=NOWHERE)
    refused("UnknownOperationException", sagemaker.list_training_jobs)
    refused("UnrecognizedClientException", client(aws_access_key_id="ASIANOBODY").list_mlflow_apps)
    refused("UnrecognizedClientException", client(aws_session_token="wrong").list_mlflow_apps)
    refused("InvalidSignatureException", client(aws_secret_access_key="wrong").list_mlflow_apps)
    refused("InvalidSignatureException", client(region_name="us-west-2").list_mlflow_apps)


def client(**changes):
    here = boto3.Session().get_credentials()
    keys = {"aws_access_key_id": here.access_key, "aws_secret_access_key": here.secret_key, "aws_session_token": here.token}
    return boto3.client("sagemaker", config=CONFIG, **(keys | changes))


def user_interface():
    arn = sagemaker.create_mlflow_app(Name="shown", ArtifactStoreUri=STORE, RoleArn=ROLE)["Arn"]
    refused("ValidationException", sagemaker.create_presigned_mlflow_app_url, Arn=arn)
    wait(lambda: sagemaker.describe_mlflow_app(Arn=arn))
    url = sagemaker.create_presigned_mlflow_app_url(Arn=arn, ExpiresInSeconds=60)["AuthorizedUrl"]
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    assert "<title>MLflow</title>" in browser.open(url).read().decode()
    root = url.partition("/auth")[0]
    browser.open(f"{root}/ajax-api/2.0/mlflow/experiments/search?max_results=1")
    for opener, path in [(browser, url), (urllib.request.build_opener(urllib.request.ProxyHandler({})), f"{root}/")]:
        try:
            opener.open(path)
        except urllib.error.HTTPError as error:
            assert error.code == 403, error
        else:
            raise AssertionError("a link is good for one use, and nobody comes in without it")


errors()
apps()
tracking_servers()
user_interface()
