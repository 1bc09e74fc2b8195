"""What goes wrong on purpose: a JSON file that is read again whenever it changes.

{
  "answers": [{"plane": "data", "match": "^POST .*/runs/create", "times": 3, "status": 429,
               "headers": {"Retry-After": "1"}, "body": ""}],    answered in the place of the service
  "deny": ["s3:PutObject"],             actions that IAM denies, whatever the policies say
  "expired": ["ASIA…"],                 access keys whose session has ended
  "clock_skew_seconds": 900,            how far the clocks of AWS are ahead
  "status": {"arn:…": "Updating"},      the status that an App or a tracking server tells instead of its own
  "maintenance": "MaintenanceInProgress",
  "presigned_upload": true              the App has the route of MLflow 3.12 for presigned uploads
}

Planes are `control`, `data` and `aws` (S3, STS, IAM). An answer without `times` is given always, one with
`"cut": true` closes the connection after the service has done the work (`aws`: once `after_bytes` of its answer are
sent), and `min_bytes` spares small requests, `with` and `without` those that lack or have this header.
"""

import json
import os
import re
import threading
from datetime import datetime, timedelta, timezone


class Faults:
    def __init__(self, path):
        self.path = path
        self.seen = None
        self.switches = {}
        self.left = {}
        self.lock = threading.Lock()

    def read(self):
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return {}
        stamp = (now.st_mtime_ns, now.st_ino, now.st_size)
        with self.lock:
            if stamp != self.seen:
                with open(self.path, encoding="utf-8") as file:
                    self.switches = json.load(file)
                self.left = {at: one["times"] for at, one in enumerate(self.switches.get("answers", [])) if "times" in one}
                self.seen = stamp
            return self.switches

    def get(self, name, default=None):
        return self.read().get(name, default)

    def answer(self, plane, method, target, length, headers=()):
        """The answer that is to be given instead of the service's own, if there is one left."""
        for at, one in enumerate(self.get("answers", [])):
            applies = one["plane"] == plane and re.search(one.get("match", ""), f"{method} {target}")
            if not applies or length < one.get("min_bytes", 0):
                continue
            if one.get("without") in headers or ("with" in one and one["with"] not in headers):
                continue
            with self.lock:
                if self.left.get(at, 1) <= 0:
                    continue
                if at in self.left:
                    self.left[at] -= 1
            return one
        return None

    def denies(self, action):
        return action in self.get("deny", [])

    def is_expired(self, access_key):
        return access_key in self.get("expired", [])

    def now(self):
        return datetime.now(timezone.utc) + timedelta(seconds=self.get("clock_skew_seconds", 0))
