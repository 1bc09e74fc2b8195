"""Fills a tracking server with what migrations trip over, through the MLflow client of this Python (1.30 or newer).

usage: edge_cases.py URL [ARTIFACTS] [--models] [--traces] [--datasets] [--all] [--unreadable] [--names] [--long]

ARTIFACTS is the server's artifact directory on this disk, or its root in S3: files are then put there directly, which
is faster and allows names that no request can write. Experiments, runs, registered models and prompts are always there;
--models    adds logged models, with what refers to them, and MLmodel files that name their run
--traces    adds traces and their assessments
--datasets  adds evaluation datasets and scorers
--all       adds all of these
--unreadable adds what no request can read to each of them; it needs ARTIFACTS
--names     adds registered models with names that MLflow refuses since 3.11
--long      makes the longest history longer than a page of it, and the largest folder larger
What the release does not have yet is left out.
"""

import json
import math
import sys

import seed_evaluation
import seed_models
import seed_registry
import seed_traces
from server import LONG_AGO, PROSE, connect, has

LARGEST = sys.float_info.max
SMALLEST = 5e-324


def experiments(server):
    """Names, notes and tags of experiments; one empty, one deleted with runs in it, the default one in use."""
    names = ["Ünïcode 日本語 実験 🚀", "team/fraud/v2", "with spaces  and  more", "it's \"quoted\" & 100% <b>"]
    for name in names:
        # A file store looks for the name in a filter that it does not quote (MLflow 2.22 and 3.10).
        name = name.replace("'", "´") if server.is_file_store else name
        one = server.experiment(name, **{"mlflow.note.content": PROSE, "team": "größte 🐘", "a.b-c/d e": "x" * 4000})
        server.run(one, f"only run of {name}")
    server.experiment("empty")
    deleted = server.experiment("deleted, with runs", why="superseded")
    kept = server.run(deleted, "was active")
    server.metrics(kept, [("m", 0.5, LONG_AGO, 1)])
    server.file(deleted, kept, "kept.txt", b"still here\n")
    server.client.delete_run(server.run(deleted, "was deleted before"))
    server.client.delete_experiment(deleted)
    server.client.delete_experiment(server.experiment("deleted, empty"))
    server.run("0", "in the default experiment")


def lives(server):
    """Names, statuses, times, users; deleted runs in an active experiment."""
    one = server.experiment("lives of runs")
    for status in ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]:
        server.run(one, f"status {status}", status=status)
    for name in ["same name", "same name", "Läufer 日本 🏃/\"1\"", "x" * 200]:
        server.run(one, name)
    server.run(one, "user with a sign", user="Grace Höpper <grace@example.com>", tags={"mlflow.user": "somebody else"})
    server.run(one, "no user", user="")
    server.run(one, "start of time", start=1, length=1)
    server.run(one, "no time at all", length=0)
    server.run(one, "ends before it starts", length=-5000)
    by_client = server.client.create_run(one, start_time=LONG_AGO + 7, run_name="by the client", tags={"mlflow.user": "eve"})
    server.client.set_terminated(by_client.info.run_id, "FAILED", LONG_AGO + 8)
    for status in ["FINISHED", "RUNNING"]:
        deleted = server.run(one, f"deleted {status}", status=status, tags={"kept": "yes"})
        server.params(deleted, {"p": "1"})
        server.metrics(deleted, [("m", float(step), LONG_AGO + step, step) for step in range(10)])
        server.file(one, deleted, "deleted/too.txt", b"deleted runs have files\n")
        server.client.delete_run(deleted)


def words(server):
    """Params and tags: many, long, empty, in other scripts, over several lines."""
    one = server.experiment("words")
    many = server.run(one, "250 params")
    server.params(many, {f"layer.{at:03}/units": str(at) for at in range(250)})
    values = server.run(one, "param values")
    server.params(
        values,
        {
            "empty": "",
            "long": "p" * (5999 if has("long values") else 499) + "Ω",
            "lines": PROSE,
            "größe/日本 key.x-y_z": "größe",
            "json": json.dumps({"a": [1, 2.5, None], "b": "é"}),
            "blank": "  spaces around  ",
            "number": "1e-05",
            "null": "None",
        },
    )
    tags = {f"tag.{at:03}": f"value {at}" for at in range(250)}
    server.run(one, "250 tags", tags=tags)
    tags = {"long": "t" * (7999 if has("long values") else 4999) + "Ω", "lines": PROSE, "empty": "", "größe/日本 key": "größe", "blank": "  spaces  "}
    server.run(one, "tag values", tags={**tags, "mlflow.note.content": PROSE, "mlflow.source.name": "s3://b/träin.py"})


def numbers(server):
    """Metric points that lose their value, step or neighbour somewhere on the way."""
    one = server.experiment("numbers")
    special = server.run(one, "special values")
    values = [math.nan, math.inf, -math.inf, SMALLEST, -SMALLEST, LARGEST, -LARGEST, -0.0, 0.0, 0.1, 1 / 3, 2**53 + 1.0]
    points = [(f"value {at}", value, LONG_AGO + at, 0) for at, value in enumerate(values)]
    points += [("all values", value, LONG_AGO + at, at) for at, value in enumerate(values)]
    server.metrics(special, points)

    steps = server.run(one, "steps and times")
    points = [("negative steps", at / 10, LONG_AGO, at) for at in range(-20, 5)]
    points += [("far steps", 1.0, LONG_AGO, step) for step in (-(2**63), 2**63 - 1, 2**53 + 1)]
    points += [("far times", 1.0, timestamp, 0) for timestamp in (0, 1, LONG_AGO, 4_102_444_800_000)]
    points += [("same step", at / 7, LONG_AGO + at, 3) for at in range(20)]
    points += [("same step and time", at / 7, LONG_AGO, 3) for at in range(20)]
    points += [("twice the same", 0.25, LONG_AGO, 1)] * 2
    points += [("backwards", float(at), LONG_AGO - at, 100 - at) for at in range(100)]
    server.metrics(steps, points)
    server.metrics(steps, [("twice the same", 0.25, LONG_AGO, 1)])

    keys = server.run(one, "120 keys")
    points = [(f"eval/fold {at % 10}/acc.{at}", at / 3, LONG_AGO + at, at) for at in range(120)]
    server.metrics(keys, points + [("größe", 1.5, LONG_AGO, 0), ("loss/train 1.0", 2.5, LONG_AGO, 0)])

    # More than one batch. File stores and old releases take minutes to write and read what others do in seconds.
    longest = 10_000 if server.is_file_store or not has("datasets") else 30_000
    count = longest if "--long" in sys.argv else 1_100
    long = server.run(one, f"{count} points")
    server.metrics(long, [("loss", 1 / (at + 1), LONG_AGO + 10 * at, at) for at in range(count)])
    server.metrics(long, [("lr", 0.1, LONG_AGO, 0)])


def datasets(server):
    """Dataset inputs: shared by runs and experiments, with and without schema, several in one run."""
    if not has("datasets"):
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    one, other = server.experiment("datasets"), server.experiment("datasets elsewhere")
    schema = json.dumps({"mlflow_colspec": [{"name": "größe", "type": "double", "required": True}]})
    profile = json.dumps({"num_rows": 5000, "num_elements": 60000})
    source = json.dumps({"uri": "s3://bucket/train ü.parquet"})
    full = Dataset("train/größe", "0123abcd", "s3", source, schema, profile)
    bare = Dataset("bare", "ffff0000", "code", '{"tags": {}}')
    newer = Dataset("train/größe", "4567ef01", "s3", source, schema, None)

    def training(dataset, **more):
        tags = {"mlflow.data.context": "training", **more}
        return DatasetInput(dataset, [InputTag(key, value) for key, value in tags.items()])

    def log(experiment, name, *inputs):
        server.client.log_inputs(server.run(experiment, name), list(inputs))

    log(one, "first user", training(full, note="größe 🐘", empty=""))
    log(one, "second user", DatasetInput(full, [InputTag("mlflow.data.context", "validation")]))
    log(one, "three inputs", training(full), training(newer), DatasetInput(bare, []))
    log(other, "in another experiment", training(full))


def families(server):
    """Parents and children in every order, references that lead nowhere, and ids in places of the user's own."""
    one, other = server.experiment("families"), server.experiment("families elsewhere")

    def child(name, parent, experiment=one, **more):
        return server.run(experiment, name, tags={"mlflow.parentRunId": parent}, **more)

    parent = server.run(one, "parent")
    middle = child("child", parent)
    child("grandchild", middle)
    child("deleted parent's child", deleted := server.run(one, "deleted parent"))
    server.client.delete_run(deleted)
    late = server.run(one, "late parent", start=LONG_AGO + 10**11)
    child("earlier than its parent", late, start=LONG_AGO + 10**10)
    child("orphan", "0123456789abcdef0123456789abcdef")
    child("child of a stranger", server.run(other, "parent elsewhere"))
    child("child elsewhere", parent, experiment=other)
    pointer = server.run(one, "pointer", tags={"best run": middle, "comment": f"see {middle}, it is better"})
    server.params(pointer, {"warm start from": parent, "warm start path": f"runs:/{parent}/model"})
    server.client.set_tag(pointer, "mlflow.note.content", f"compare with {parent}")
    ours = {"run_id": pointer, "artifact_path": "model", "utc_time_created": "2021-02-03 04:05:06", "flavors": {}}
    server.client.set_tag(pointer, "mlflow.log-model.history", json.dumps([ours, {**ours, "run_id": parent}]))


def files(server):
    """Artifacts: deep, empty, large, many, and with names that URLs mangle."""
    one = server.experiment("files")
    run = server.run(one, "names and sizes")
    server.client.log_text(run, PROSE, "by the client/text.txt")
    server.client.log_dict(run, {"größe": [1, 2]}, "by the client/dict.json")
    odd = ["with space.txt", "100%.txt", "50% off/5%.txt", "a+b.txt", "a&b=c.txt", "it's \"quoted\".txt", "(1) [2] {3}.txt"]
    odd += ["semi;colon,comma@at!.txt", "c:d.txt", "~$^`|.txt", ".hidden", "no extension", "UPPER.TXT", "upper.txt"]
    contents = {name: f"content of {name}\n".encode() for name in odd}
    contents["one/two/three/four/deep.json"] = b'{"deep": true}'
    contents["one/two/beside.txt"] = b"beside a folder\n"
    contents["empty"] = contents["one/empty.txt"] = b""
    contents["all bytes.bin"] = bytes(range(256)) * 16
    contents["5 MB.bin"] = bytes((at * 31 + at // 251) % 256 for at in range(1_000_003)) * 5
    server.files(one, run, contents)
    count = 300 if "--long" in sys.argv else 40
    many = server.run(one, f"{count} files in a folder")
    server.files(one, many, {f"images/{at:04}.txt": f"image {at}\n".encode() for at in range(count)})


def unreadable(server):
    """Names that some route of a server cannot carry: non-ASCII letters (the artifact proxy of MLflow 3 answers 500)
    and percent signs that look like an escape (every release unescapes until nothing is left to unescape)."""
    one = server.experiment("unreadable file")
    server.file(one, server.run(one, "letters"), "über.txt", "über\n".encode())
    run = server.run(one, "percent signs")
    for name in ["a%20b.txt", "p%41.txt", "folder%20x/inside.txt", "readable.txt"]:
        server.file(one, run, name, f"content of {name}\n".encode())


def main():
    def wanted(flag):
        return flag in sys.argv or "--all" in sys.argv

    server = connect()
    is_unreadable = "--unreadable" in sys.argv
    parts = [experiments, lives, words, numbers, families, files, datasets, seed_registry.models, seed_registry.prompts]
    parts += [seed_registry.names] * ("--names" in sys.argv and not has("plain model names only")) + [unreadable] * is_unreadable
    for part in parts:
        part(server)
    model = seed_models.seed(server) if wanted("--models") else None
    trace = seed_traces.seed(server, model) if wanted("--traces") else None
    if wanted("--datasets"):
        seed_evaluation.seed(server, trace)
    if is_unreadable and wanted("--models"):
        seed_models.unreadable(server)
    if is_unreadable and wanted("--traces"):
        seed_traces.unreadable(server)


main()
