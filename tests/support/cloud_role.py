"""Makes a role of the account that may do a few things, with boto3, and prints its ARN. Arguments: its name, the actions."""

import json
import sys

import boto3

NAME, *MAY = sys.argv[1:]
ACCOUNT = boto3.client("sts").get_caller_identity()["Account"]
TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
iam = boto3.client("iam")


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=document(TRUST))["Role"]
iam.put_role_policy(RoleName=NAME, PolicyName="may", PolicyDocument=document({"Effect": "Allow", "Action": MAY, "Resource": "*"}))
print(role["Arn"])
