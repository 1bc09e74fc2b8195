"""The operations on managed tracking servers."""

from caller import ServiceError
from resources import GONE, READY, Resource, Table, identity, page

LIMIT = 5
UPDATABLE = ("ArtifactStoreUri", "TrackingServerSize", "AutomaticModelRegistration", "WeeklyMaintenanceWindowStart")


class TrackingServers:
    def __init__(self, state):
        self.state, self.table = state, Table()
        self.sessions = None  # of the UI; the data plane brings them

    def operations(self):
        return {
            "CreateMlflowTrackingServer": self.create,
            "DescribeMlflowTrackingServer": self.describe,
            "ListMlflowTrackingServers": self.list,
            "UpdateMlflowTrackingServer": self.update,
            "DeleteMlflowTrackingServer": self.delete,
            "StartMlflowTrackingServer": self.start,
            "StopMlflowTrackingServer": self.stop,
            "CreatePresignedMlflowTrackingServerUrl": self.presign,
        }

    def arn(self, name):
        return f"arn:aws:sagemaker:{self.state.region}:{self.state.number}:mlflow-tracking-server/{name}"

    async def create(self, request, caller):
        arn = self.arn(request["TrackingServerName"])
        await caller.needs("CreateMlflowTrackingServer", arn)
        await caller.needs("PassRole", request["RoleArn"], "iam")
        if arn in {one.arn for one in self.table.there()}:
            raise ServiceError("ConflictException", f"Tracking server {arn} already exists.")
        if len(self.table.there()) >= LIMIT:
            raise ServiceError("ResourceLimitExceeded", f"The account-level service limit 'Number of tracking servers' is {LIMIT}.")
        if request.get("MlflowVersion", self.state.version) != self.state.version:
            raise ServiceError("ValidationException", f"MLflow version {request['MlflowVersion']} is not supported. Supported: {self.state.version}")
        problem = await self.state.ask("problem", store=request["ArtifactStoreUri"], role=request["RoleArn"])
        if problem:
            raise ServiceError("ValidationException", problem)
        fields = {name: value for name, value in request.items() if name not in ("Tags", "MlflowVersion") and value is not None}
        fields |= {"TrackingServerSize": request.get("TrackingServerSize", "Small"), "S3BucketOwnerVerification": True}
        fields |= {"CreatedBy": identity(caller.arn), "LastModifiedBy": identity(caller.arn)}
        server = Resource(self.state, arn, fields, request.get("Tags") or [], workspaces=False)
        self.table.add(server)
        server.create()
        return {"TrackingServerArn": arn}

    async def find(self, operation, request, caller):
        arn = self.arn(request["TrackingServerName"])
        await caller.needs(operation, arn)
        server = self.table.get(arn)
        if server is None or server.told_status() == "Deleted":
            raise ServiceError("ResourceNotFound", f"Tracking server {arn} does not exist.")
        return server

    async def describe(self, request, caller):
        server = await self.find("DescribeMlflowTrackingServer", request, caller)
        return summary(server) | server.fields | {"TrackingServerUrl": self.state.data_plane}

    async def list(self, request, caller):
        await caller.needs("ListMlflowTrackingServers", "*")
        wanted = {"TrackingServerStatus": lambda one: one.told_status(), "MlflowVersion": lambda one: one.state.version}
        chosen = [one for one in self.table.there() if all(of(one) == request[name] for name, of in wanted.items() if name in request)]
        chosen, token = page(chosen, request, lambda one: one.fields["TrackingServerName"])
        return {"TrackingServerSummaries": [summary(one) for one in chosen]} | ({"NextToken": token} if token else {})

    async def update(self, request, caller):
        server = await self.settled("UpdateMlflowTrackingServer", request, caller)
        server.fields |= {name: value for name, value in request.items() if name in UPDATABLE and value is not None}
        server.update()
        return {"TrackingServerArn": server.arn}

    async def delete(self, request, caller):
        server = await self.find("DeleteMlflowTrackingServer", request, caller)
        server.delete()
        return {"TrackingServerArn": server.arn}

    async def start(self, request, caller):
        server = await self.settled("StartMlflowTrackingServer", request, caller)
        if server.status != "Stopped":
            raise ServiceError("ConflictException", f"Tracking server {server.arn} is in status {server.told_status()}.")
        server.change("Starting", "Started", *server.starting())
        return {"TrackingServerArn": server.arn}

    async def stop(self, request, caller):
        server = await self.settled("StopMlflowTrackingServer", request, caller)
        server.change("Stopping", "Stopped", server.upstream.stop)
        return {"TrackingServerArn": server.arn}

    async def settled(self, operation, request, caller):
        server = await self.find(operation, request, caller)
        if server.is_busy() or server.told_status() in GONE:
            raise ServiceError("ConflictException", f"Tracking server {server.arn} is in status {server.told_status()}.")
        return server

    async def presign(self, request, caller):
        server = await self.find("CreatePresignedMlflowTrackingServerUrl", request, caller)
        if server.told_status() not in READY:
            raise ServiceError("ValidationException", f"Tracking server {server.arn} is in status {server.told_status()}.")
        return {"AuthorizedUrl": self.sessions.url(server, request)}


def summary(server):
    return {
        "TrackingServerArn": server.arn,
        "TrackingServerName": server.fields["TrackingServerName"],
        "TrackingServerStatus": server.told_status(),
        "IsActive": "Active" if server.told_status() in READY else "Inactive",
        "CreationTime": server.created,
        "LastModifiedTime": server.modified,
        "MlflowVersion": server.state.version,
    }
