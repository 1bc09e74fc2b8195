"""Drives S3, STS and IAM of the sandbox with boto3. Arguments: the bucket, and the ARN of the App's role."""

import hashlib
import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET, ROLE = sys.argv[1:]
CONFIG = Config(retries={"total_max_attempts": 1})
s3, sts, iam = (boto3.client(name, config=CONFIG) for name in ("s3", "sts", "iam"))
OWN = boto3.Session().get_credentials()


def refused(code, operation, *args, **request):
    try:
        operation(*args, **request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{code} was expected")


def other(service, **changes):
    keys = {"aws_access_key_id": OWN.access_key, "aws_secret_access_key": OWN.secret_key, "aws_session_token": OWN.token}
    return boto3.client(service, config=CONFIG, **(keys | changes))


def objects():
    assert s3.head_bucket(Bucket=BUCKET)["BucketRegion"] == "eu-central-1"
    for key in ("plain", "two words + \u00e9/%41", "dir//double", "a~b"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"hello", ContentType="text/plain", ChecksumAlgorithm="SHA256")
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"hello"
    digest = hashlib.sha256(b"hello").digest().hex()
    assert s3.head_object(Bucket=BUCKET, Key="plain", ChecksumMode="ENABLED")["ChecksumSHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", digest
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "two words + \u00e9/%41"})
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "copy"})
    plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert plain.open(url).read() == b"hello"
    for wrong in (url.replace("/copy?", "/plain?"), url.partition("?")[0]):
        try:
            plain.open(wrong)
        except urllib.error.HTTPError as error:
            assert error.code == 403, error
        else:
            raise AssertionError(wrong)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
    s3.abort_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload)
    refused("NoSuchKey", s3.get_object, Bucket=BUCKET, Key="nothing")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="mlferry-nothing")
    refused("AccessDenied", s3.list_buckets)
    refused("BadDigest", s3.put_object, Bucket=BUCKET, Key="wrong", Body=b"hello", ChecksumSHA256="AAAA")
    refused("InvalidAccessKeyId", other("s3", aws_access_key_id="ASIANOBODY").list_objects_v2, Bucket=BUCKET)
    refused("SignatureDoesNotMatch", other("s3", aws_secret_access_key="wrong").list_objects_v2, Bucket=BUCKET)
    refused("InvalidToken", other("s3", aws_session_token="wrong").list_objects_v2, Bucket=BUCKET)


def identities():
    me = sts.get_caller_identity()
    assert me["Account"] == "111122223333" and me["Arn"].endswith(":assumed-role/migration/mlferry"), me
    role = iam.get_role(RoleName=ROLE.rsplit("/", 1)[1])["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] == ["sagemaker.amazonaws.com"], role
    refused("InvalidClientTokenId", other("sts", aws_access_key_id="ASIANOBODY").get_caller_identity)
    refused("AccessDenied", iam.list_users)
    # A role that does not trust us is not ours to assume, whatever our own policies say; nor is one that is not there.
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE, RoleSessionName="other")
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE + "-gone", RoleSessionName="other")
    # A session of another role signs as well, and may only do what that role may.
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    session = sts.assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="other")["Credentials"]
    as_app = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"]}
    as_app["aws_session_token"] = session["SessionToken"]
    assert other("sts", **as_app).get_caller_identity()["Arn"].endswith("assumed-role/other/other")
    refused("AccessDeniedException", other("sagemaker", **as_app).list_mlflow_apps)


def simulation():
    principal = "arn:aws:iam::111122223333:role/migration"
    actions = ["sagemaker:CallMlflowAppApi", "s3:PutObject", "sagemaker:StopTrainingJob"]
    app = "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-app/app-000000000000"
    answer = iam.simulate_principal_policy(PolicySourceArn=principal, ActionNames=actions, ResourceArns=[app, f"arn:aws:s3:::{BUCKET}/x"])
    verdicts = [(one["EvalActionName"], one["EvalDecision"]) for one in answer["EvaluationResults"]]
    allowed, denied = "allowed", "implicitDeny"
    assert verdicts == [(action, verdict) for action, two in zip(actions, [(allowed, denied), (denied, allowed), (denied, denied)]) for verdict in two]


objects()
identities()
simulation()
