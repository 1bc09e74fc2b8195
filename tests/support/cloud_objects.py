"""Objects in S3, with boto3.

cloud_objects.py see s3://BUCKET/PREFIX        what is there, and uploads that nobody has finished, as JSON
cloud_objects.py await s3://BUCKET/PREFIX      waits until somebody uploads something there in parts
cloud_objects.py put s3://BUCKET/KEY LENGTH    writes an object of so many bytes with headers and metadata
cloud_objects.py upload s3://BUCKET/PREFIX DIR writes what is below a directory
cloud_objects.py keys s3://BUCKET/PREFIX NAMES  writes an object for each of a JSON list of names: its bytes are its name
cloud_objects.py list s3://BUCKET/PREFIX       what all objects there hold, by their names from there on, as JSON
cloud_objects.py bucket s3://BUCKET REGION     makes a bucket
"""

import base64
import hashlib
import json
import os
import random
import sys
import time

import boto3

SAID = ["ContentType", "ContentEncoding", "CacheControl", "Metadata", "ServerSideEncryption", "SSEKMSKeyId", "StorageClass"]
s3 = boto3.client("s3")


def see(bucket, prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    objects = {key.rpartition("/")[2]: object_at(bucket, key) for key in keys}
    print(json.dumps({"objects": objects, "unfinished": unfinished(bucket, prefix)}))


def object_at(bucket, key):
    head = s3.head_object(Bucket=bucket, Key=key)
    # Not the head's checksum: moto 5.2.5 leaves away of how many parts it is one.
    answer = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    body = answer["Body"].read()
    said = {name: head[name] for name in SAID if name in head}
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}
    return said | {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "tags": tags, "checksum": checksum(answer.get("ChecksumSHA256"), body)}


def checksum(told, body):
    """Of what the SHA-256 that S3 tells is one: `whole`, or parts of so many MiB. None of neither."""
    digest = lambda part: hashlib.sha256(part).digest()
    if told == base64.b64encode(digest(body)).decode():
        return "whole"
    for size in (5, 8):
        digests = [digest(body[at : at + (size << 20)]) for at in range(0, len(body), size << 20)]
        if told == f"{base64.b64encode(digest(b''.join(digests))).decode()}-{len(digests)}":
            return f"{len(digests)} parts of {size} MiB"
    return None


def unfinished(bucket, prefix):
    return [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", [])]


def await_upload(bucket, prefix):
    while not unfinished(bucket, prefix):
        time.sleep(0.05)


def put(bucket, key, length):
    body = random.Random(length).randbytes(int(length))
    said = {"ContentType": "application/x-of-its-own", "CacheControl": "no-store", "Metadata": {"team": "fraud"}}
    s3.put_object(Bucket=bucket, Key=key, Body=body, **said)
    print(hashlib.sha256(body).hexdigest())


def upload(bucket, prefix, root):
    for folder, _, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            s3.upload_file(path, bucket, f"{prefix}/{os.path.relpath(path, root)}")


def put_keys(bucket, prefix, names):
    for name in json.loads(names):
        # A console's mark of a folder is empty.
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=b"" if name.endswith("/") else name.encode())


def list_keys(bucket, prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    print(json.dumps({key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}))


def make_bucket(bucket, _, region):
    boto3.client("s3", region_name=region).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})


what, place, *more = sys.argv[1:]
bucket, _, key = place.removeprefix("s3://").partition("/")
{"see": see, "await": await_upload, "put": put, "upload": upload, "keys": put_keys, "list": list_keys, "bucket": make_bucket}[what](bucket, key, *more)
