"""The files of runs and of logged models: path to size and SHA-256, and the text of MLmodel files."""

import hashlib
import os
import tempfile
from urllib.parse import unquote

from dump_reader import UNREADABLE

# MLmodel files name runs and models, so they are compared line by line. Beyond this size nobody reads them.
LARGEST_TEXT = 1_000_000


def run_files(reader, run_id):
    # The server itself is asked: the client unescapes the names that it lists.
    def entries(folder):
        query = {"run_id": run_id, "path": folder}
        return reader.get("/api/2.0/mlflow/artifacts/list", query).get("files", [])

    def content(path):
        return reader.ask("GET", "/get-artifact", params={"run_uuid": run_id, "path": path})

    found = dict(listed(entries, ""))
    if not found:
        return {}  # The client of MLflow 2 takes an empty folder for an error.
    with tempfile.TemporaryDirectory() as folder:
        try:
            reader.client.download_artifacts(run_id, "", folder)
        except Exception:
            pass  # One unreadable name fails the whole download; below, each file is asked for by itself.
        return {path: file(content, folder, path, size) for path, size in found.items()}


def model_files(reader, model_id):
    """Those of a logged model. Its client can load them but not list them."""

    def entries(folder):
        route = f"/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories"
        answer = reader.ask("GET", route, params={"artifact_directory_path": folder})
        if answer.status_code == 404:
            return []  # A file store does not find the models of a deleted experiment (MLflow 3.10).
        answer.raise_for_status()
        return answer.json().get("files", [])

    def content(path):
        route = f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"
        return reader.ask("GET", route, params={"artifact_file_path": path})

    return {path: file(content, None, path, size) for path, size in listed(entries, "")}


def listed(entries_of, folder):
    entries = entries_of(folder)
    strangers = [entry for entry in entries if not entry["path"].startswith(folder and folder + "/")]
    if folder and (strangers or not entries):
        # Nothing, or another folder's files: this folder's name cannot be asked for.
        yield folder + "/", None
        return
    for entry in entries:
        if entry.get("is_dir"):
            yield from listed(entries_of, entry["path"])
        else:
            yield entry["path"], int(entry.get("file_size", 0))


def file(content_of, folder, path, size):
    if unquote(path) != path:
        # Servers unescape what they are asked for, and may send another file's content with a 200.
        return [size, UNREADABLE]
    local = os.path.join(folder or "", path)
    if folder and os.path.isfile(local) and os.path.getsize(local) == size:
        with open(local, "rb") as opened:
            return described(path, opened.read())
    answer = content_of(path)
    if answer.status_code != 200 or len(answer.content) != size:
        return [size, UNREADABLE]
    return described(path, answer.content)


def described(path, content):
    found = [len(content), hashlib.sha256(content).hexdigest()]
    if os.path.basename(path) != "MLmodel" or len(content) > LARGEST_TEXT:
        return found
    try:
        return [*found, content.decode()]
    except UnicodeDecodeError:
        return found
