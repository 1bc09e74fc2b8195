"""Creates an App or a tracking server with boto3, waits for it, and prints its ARN."""

import sys
import time

import boto3

kind, name, store, role = sys.argv[1:]
sagemaker = boto3.client("sagemaker")


def create_app():
    arn = sagemaker.create_mlflow_app(Name=name, ArtifactStoreUri=store, RoleArn=role)["Arn"]
    return arn, lambda: sagemaker.describe_mlflow_app(Arn=arn)["Status"]


def create_tracking_server():
    arn = sagemaker.create_mlflow_tracking_server(TrackingServerName=name, ArtifactStoreUri=store, RoleArn=role)["TrackingServerArn"]
    return arn, lambda: sagemaker.describe_mlflow_tracking_server(TrackingServerName=name)["TrackingServerStatus"]


arn, status = create_app() if kind == "app" else create_tracking_server()
while (now := status()) != "Created":
    assert now == "Creating", now
    time.sleep(0.1)
print(arn)
