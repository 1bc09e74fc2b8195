"""The route for presigned uploads, as MLflow 3.12 has it: nobody knows yet whether Apps do."""

import json
import os

import boto3


class Uploads:
    def __init__(self, state):
        self.state = state

    async def presign(self, resource, request):
        """A URL for one PUT of an artifact of a run, signed with the role of the App: status and body of the answer."""
        url = f"{resource.upstream.url}/api/2.0/mlflow/runs/get"
        async with self.state.http.get(url, params={"run_id": request["run_id"]}) as answer:
            if answer.status != 200:
                return answer.status, await answer.text()
            root = (await answer.json())["run"]["info"]["artifact_uri"]
        bucket, _, prefix = root.removeprefix("s3://").partition("/")
        session = await self.state.ask("session", role=resource.fields["RoleArn"], name="SageMaker")
        s3 = boto3.client(
            "s3",
            endpoint_url=self.state.aws,
            region_name=self.state.region,
            aws_access_key_id=session["access_key"],
            aws_secret_access_key=session["secret"],
            aws_session_token=session["token"],
        )
        where = {"Bucket": bucket, "Key": os.path.join(prefix, request["path"])}
        signed = s3.generate_presigned_url("put_object", Params=where, ExpiresIn=request.get("expiration", 900))
        return 200, json.dumps({"presigned_url": signed, "headers": {}})
