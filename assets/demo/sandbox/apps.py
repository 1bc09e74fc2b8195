"""The operations on MLflow Apps."""

import secrets
import string

from caller import ServiceError
from resources import GONE, READY, Resource, Table, identity, page

LIMIT = 3
ALPHABET = string.ascii_uppercase + string.digits
UPDATABLE = ("Name", "ArtifactStoreUri", "ModelRegistrationMode", "WeeklyMaintenanceWindowStart", "DefaultDomainIdList", "AccountDefaultStatus")


class Apps:
    def __init__(self, state):
        self.state, self.table = state, Table()
        self.sessions = None  # of the UI; the data plane brings them

    def operations(self):
        return {
            "CreateMlflowApp": self.create,
            "DescribeMlflowApp": self.describe,
            "ListMlflowApps": self.list,
            "UpdateMlflowApp": self.update,
            "DeleteMlflowApp": self.delete,
            "CreatePresignedMlflowAppUrl": self.presign,
        }

    async def create(self, request, caller):
        arn = f"arn:aws:sagemaker:{self.state.region}:{self.state.number}:mlflow-app/app-{''.join(secrets.choice(ALPHABET) for _ in range(12))}"
        await caller.needs("CreateMlflowApp", arn)
        if request.get("Tags"):
            await caller.needs("AddTags", arn)
        await caller.needs("PassRole", request["RoleArn"], "iam")
        if len(self.table.there()) >= LIMIT:
            message = f"The account-level service limit 'Number of MLflow Apps' is {LIMIT} Apps, with current utilization of {LIMIT} Apps"
            raise ServiceError("ResourceLimitExceeded", f"{message} and a request delta of 1 Apps. Please use AWS Service Quotas to request an increase.")
        problem = await self.state.ask("problem", store=request["ArtifactStoreUri"], role=request["RoleArn"])
        if problem:
            raise ServiceError("ValidationException", problem)
        fields = {name: value for name, value in request.items() if name != "Tags" and value is not None}
        fields.setdefault("ModelRegistrationMode", "AutoModelRegistrationDisabled")
        fields.setdefault("AccountDefaultStatus", "DISABLED")
        fields.setdefault("WeeklyMaintenanceWindowStart", "Sun:03:30")
        fields |= {"CreatedBy": identity(caller.arn), "LastModifiedBy": identity(caller.arn)}
        app = Resource(self.state, arn, fields, request.get("Tags") or [], workspaces=True)
        self.table.add(app)
        app.create()
        return {"Arn": arn}

    async def find(self, operation, request, caller):
        await caller.needs(operation, request["Arn"])
        app = self.table.get(request["Arn"])
        if app is None:
            raise ServiceError("ResourceNotFound", f"MLflow App {request['Arn']} does not exist.")
        return app

    async def describe(self, request, caller):
        app = await self.find("DescribeMlflowApp", request, caller)
        maintenance = self.state.faults.get("maintenance")
        more = {"MaintenanceStatus": maintenance} if maintenance else {}
        return summary(app) | app.fields | more

    async def list(self, request, caller):
        await caller.needs("ListMlflowApps", "*")
        wanted = {"Status": lambda one: one.told_status(), "MlflowVersion": lambda one: one.state.version}
        wanted["AccountDefaultStatus"] = lambda one: one.fields["AccountDefaultStatus"]
        chosen = [one for one in self.table.there() if all(of(one) == request[name] for name, of in wanted.items() if name in request)]
        chosen, token = page(chosen, request, lambda one: one.fields["Name"])
        return {"Summaries": [summary(app) for app in chosen]} | ({"NextToken": token} if token else {})

    async def update(self, request, caller):
        app = await self.find("UpdateMlflowApp", request, caller)
        if app.is_busy() or app.told_status() in GONE:
            raise ServiceError("ConflictException", f"MLflow App {app.arn} is in status {app.told_status()}.")
        changes = {name: value for name, value in request.items() if name in UPDATABLE and value is not None}
        store = changes.get("ArtifactStoreUri")
        problem = store and await self.state.ask("problem", store=store, role=app.fields["RoleArn"])
        if problem:
            raise ServiceError("ValidationException", problem)
        # So it is documented: whoever does not name the mode switches registration on.
        app.fields |= {"ModelRegistrationMode": "AutoModelRegistrationEnabled"} | changes | {"LastModifiedBy": identity(caller.arn)}
        app.update()
        return {"Arn": app.arn}

    async def delete(self, request, caller):
        app = await self.find("DeleteMlflowApp", request, caller)
        app.delete()
        return {"Arn": app.arn}

    async def presign(self, request, caller):
        app = await self.find("CreatePresignedMlflowAppUrl", request, caller)
        if app.told_status() not in READY:
            raise ServiceError("ValidationException", f"MLflow App {app.arn} is in status {app.told_status()}.")
        return {"AuthorizedUrl": self.sessions.url(app, request)}


def summary(app):
    return {
        "Arn": app.arn,
        "Name": app.fields["Name"],
        "Status": app.told_status(),
        "CreationTime": app.created,
        "LastModifiedTime": app.modified,
        "MlflowVersion": app.state.version,
    }
