"""The IAM policies of the account: no broader than a careful administrator would grant them."""


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions, *resources):
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def trust(service):
    return document({"Effect": "Allow", "Principal": {"Service": [service]}, "Action": "sts:AssumeRole"})


def app(bucket):
    """The role that the App itself takes: it lists and reads artifacts for the UI."""
    objects = allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"arn:aws:s3:::{bucket}/*")
    return document(objects, allow(["s3:ListBucket", "s3:GetBucketLocation"], f"arn:aws:s3:::{bucket}"))


def migration(account, region, bucket, app_role):
    apps = f"arn:aws:sagemaker:{region}:{account}:mlflow-app/*"
    servers = f"arn:aws:sagemaker:{region}:{account}:mlflow-tracking-server/*"
    admin = [f"sagemaker:{verb}MlflowApp" for verb in ("Create", "Describe", "Update", "Delete")]
    admin += ["sagemaker:CreatePresignedMlflowAppUrl", "sagemaker:AddTags", "sagemaker:ListTags"]
    server_admin = [f"sagemaker:{verb}MlflowTrackingServer" for verb in ("Create", "Describe", "Update", "Delete", "Start", "Stop")]
    server_admin += ["sagemaker:CreatePresignedMlflowTrackingServerUrl", "sagemaker:AddTags", "sagemaker:ListTags"]
    objects = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    pass_role = allow("iam:PassRole", app_role)
    pass_role["Condition"] = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return document(
        allow(["sagemaker:ListMlflowApps", "sagemaker:ListMlflowTrackingServers"], "*"),
        allow(admin, apps),
        allow("sagemaker:CallMlflowAppApi", apps),
        allow([*server_admin, "sagemaker-mlflow:*"], servers),
        pass_role,
        allow(objects, f"arn:aws:s3:::{bucket}/*"),
        allow(["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], f"arn:aws:s3:::{bucket}"),
        allow(["iam:SimulatePrincipalPolicy", "iam:GetRole"], f"arn:aws:iam::{account}:role/*"),
        allow("sts:AssumeRole", f"arn:aws:iam::{account}:role/*"),
    )


def provision(account):
    """What it takes to make the bucket and the role of an App."""
    roles = allow(["iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole"], f"arn:aws:iam::{account}:role/*")
    buckets = ["s3:CreateBucket", "s3:ListBucket", "s3:GetBucketLocation", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning"]
    objects = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    return document(roles, allow(buckets, "arn:aws:s3:::*"), allow(objects, "arn:aws:s3:::mlferry-*/*"))
