"""Apps and tracking servers: what they have in common, from their creation to their end."""

import asyncio
import base64
import json
import os
import secrets
import time

from upstream import Upstream

READY = ("Created", "Updated", "Started")
GONE = ("Deleting", "Deleted")


class Resource:
    """Fields are those that the service describes, under its names."""

    def __init__(self, state, arn, fields, tags, workspaces):
        self.state, self.arn, self.fields = state, arn, fields
        self.tags = {tag["Key"]: tag["Value"] for tag in tags}
        self.status, self.workspaces = "Creating", workspaces
        self.created = self.modified = time.time()
        directory = os.path.join(state.directory, arn.rsplit("/", 1)[1])
        self.upstream = Upstream(state, directory, fields["ArtifactStoreUri"], fields["RoleArn"], workspaces)
        self.work = None

    def told_status(self):
        return self.state.faults.get("status", {}).get(self.arn, self.status)

    def is_busy(self):
        return self.told_status().endswith("ing")

    def change(self, meanwhile, afterwards, *steps):
        """Goes to one status at once, and to another when the steps and the usual time are over."""
        self.status, self.modified = meanwhile, time.time()
        self.work = asyncio.create_task(self.carry_out(afterwards, steps))

    async def carry_out(self, afterwards, steps):
        try:
            await asyncio.gather(asyncio.sleep(self.state.create_seconds), self.in_turn(steps))
            self.status = afterwards
        except Exception as error:
            print(f"{self.arn}: {error}", flush=True)
            self.status = {"Created": "CreateFailed", "Updated": "UpdateFailed", "Started": "StartFailed"}.get(afterwards, "DeleteFailed")
        self.modified = time.time()

    async def in_turn(self, steps):
        for step in steps:
            await step()

    def starting(self):
        """What starting it takes: its server, unless that comes with the first request."""
        return () if self.state.on_demand else (self.upstream.ready,)

    def create(self):
        self.change("Creating", "Created", *self.starting())

    def delete(self):
        self.change("Deleting", "Deleted", self.upstream.stop)

    def update(self):
        """A new artifact store is one for new experiments, as it is when a server is started again with another root."""
        moved = self.upstream.store != self.fields["ArtifactStoreUri"]
        self.upstream.store = self.fields["ArtifactStoreUri"]
        self.change("Updating", "Updated", *((self.upstream.stop, *self.starting()) if moved else ()))


class Table:
    """All resources of one kind, by their ARN."""

    def __init__(self):
        self.by_arn = {}

    def add(self, resource):
        self.by_arn[resource.arn] = resource

    def get(self, arn):
        return self.by_arn.get(arn)

    def there(self):
        return [one for one in self.by_arn.values() if one.told_status() != "Deleted"]


def page(resources, request, name_of):
    """The resources that a List request asks for, and the token of the next page."""
    after, before = request.get("CreatedAfter"), request.get("CreatedBefore")
    chosen = [one for one in resources if (after is None or one.created > after) and (before is None or one.created < before)]
    keys = {"Name": name_of, "CreationTime": lambda one: one.created, "Status": lambda one: one.told_status()}
    chosen.sort(key=keys[request.get("SortBy", "CreationTime")], reverse=request.get("SortOrder", "Descending") == "Descending")
    start = read_token(request["NextToken"]) if "NextToken" in request else 0
    end = start + request.get("MaxResults", 10)
    return chosen[start:end], (token(end) if end < len(chosen) else None)


def token(at):
    return base64.urlsafe_b64encode(json.dumps({"at": at, "salt": secrets.token_hex(4)}).encode()).decode()


def read_token(text):
    return json.loads(base64.urlsafe_b64decode(text))["at"]


def identity(arn):
    return {"IamIdentity": {"Arn": arn, "PrincipalId": "AROASANDBOX:" + arn.rsplit("/", 1)[-1]}}
