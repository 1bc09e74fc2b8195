"""The tracking server that dump.py reads, asked by the MLflow client of this Python and by REST."""

import os
import re

os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import mlflow
import requests
from mlflow.tracking import MlflowClient
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

RELEASE = tuple(int(part) for part in re.findall(r"\d+", mlflow.__version__)[:2])
THREADS = 8
# Stands for what the server lists and does not hand out.
UNREADABLE = "unreadable"


class Reader:
    def __init__(self, url, with_artifacts):
        mlflow.set_tracking_uri(url.rstrip("/"))
        self.client = MlflowClient()
        self.with_artifacts = with_artifacts
        self.session = requests.Session()
        self.url = signed_by_the_plugin(self.session, url) if url.startswith("arn:") else url.rstrip("/")
        # It only reads: a connection that the server has just given up is no reason to fail.
        again = Retry(total=5, backoff_factor=0.2, allowed_methods=None)
        self.session.mount("http://", HTTPAdapter(max_retries=again, pool_maxsize=THREADS))
        self.session.trust_env = False

    def ask(self, method, route, **more):
        return self.session.request(method, self.url + route, timeout=120, **more)

    def get(self, route, query):
        answer = self.ask("GET", route, params=query)
        answer.raise_for_status()
        return answer.json()

    def post(self, route, body):
        answer = self.ask("POST", route, json=body)
        answer.raise_for_status()
        return answer.json()


def signed_by_the_plugin(session, arn):
    """Gives where the REST API of this App or tracking server is."""
    from sagemaker_mlflow.auth_provider import AuthProvider
    from sagemaker_mlflow.mlflow_sagemaker_request_header_provider import MlflowSageMakerRequestHeaderProvider

    session.auth = AuthProvider().get_auth()
    session.headers.update(MlflowSageMakerRequestHeaderProvider().request_headers())
    return os.environ["SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT"]


def every(search):
    """All items of a search by the client, page after page."""
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def every_json(ask, query, field):
    """All items of a search by REST, page after page; `query` is what to ask at first."""
    while True:
        page = ask(query)
        yield from page.get(field, [])
        if not page.get("next_page_token"):
            return
        query = {**query, "page_token": page["next_page_token"]}


def pairs(tags):
    return {tag["key"]: tag.get("value", "") for tag in tags or []}
