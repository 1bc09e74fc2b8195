"""What every part of the sandbox shares: its settings, the questions to the AWS account, and its clock."""

import re
import time
from dataclasses import dataclass, field

import aiohttp
from sigv4 import Key

KEYS_KEPT_SECONDS = 1
GRANTS_KEPT_SECONDS = 1


@dataclass
class State:
    directory: str
    number: str
    region: str
    create_seconds: float
    on_demand: bool  # MLflow servers start with the first request to them, not with their App
    version: str
    faults: object
    aws: str = ""  # the endpoint of S3, STS and IAM
    password: str = ""
    data_plane: str = ""
    http: aiohttp.ClientSession = None
    kept: dict = field(default_factory=dict)

    async def ask(self, question, **given):
        """Asks the account's process; see `Account.private`."""
        headers = {"X-Sandbox-Password": self.password}
        async with self.http.get(f"{self.aws}/_sandbox/{question}", params=given, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def ask_or_remember(self, seconds, question, **given):
        at = (question, *given.values())
        until, value = self.kept.get(at, (0, None))
        if until < time.monotonic():
            value = await self.ask(question, **given)
            self.kept[at] = (time.monotonic() + seconds, value)
        return value

    async def key(self, authorization):
        """The access key of an Authorization header and its `Key`, for `sigv4.verify`."""
        found = re.search("Credential=([^/,]+)/", authorization or "")
        if not found:
            return lambda _: None
        known = await self.ask_or_remember(KEYS_KEPT_SECONDS, "key", id=found[1])
        key = known and Key(**known, expired=self.faults.is_expired(found[1]))
        return lambda access_key: key if access_key == found[1] else None

    async def allows(self, arn, action, resource):
        if self.faults.denies(action):
            return False
        return await self.ask_or_remember(GRANTS_KEPT_SECONDS, "allowed", arn=arn, action=action, resource=resource)
