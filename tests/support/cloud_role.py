"""Makes a role that may do one thing, with boto3, and prints its ARN. Arguments: its name, the action."""

import json
import sys

import boto3

NAME, MAY = sys.argv[1:]
TRUST = {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}
iam = boto3.client("iam")


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=document(TRUST))["Role"]
iam.put_role_policy(RoleName=NAME, PolicyName="may", PolicyDocument=document({"Effect": "Allow", "Action": MAY, "Resource": "*"}))
print(role["Arn"])
