"""Prints what a tracking server holds as one canonical JSON, read through the MLflow client of this Python.

usage: dump.py URL [--no-artifacts]

Server, client and this script know nothing of mlferry: what two servers have in common is compared by compare.py.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from dump_evaluation import evaluation_datasets, scorers
from dump_files import run_files
from dump_models import inputs_and_outputs, logged_models
from dump_reader import THREADS, Reader, every
from dump_registry import registered_models
from dump_traces import traces
from mlflow.entities import ViewType

PAGE = 1000


def everything(reader):
    experiments = list(
        every(
            lambda token: reader.client.search_experiments(
                view_type=ViewType.ALL,
                max_results=PAGE,
                # In its default order MLflow 1.30 over files cannot sort experiments of different ages.
                order_by=["experiment_id ASC"],
                page_token=token,
            )
        )
    )
    ids = [one.experiment_id for one in experiments]
    dumped = [experiment(reader, one) for one in experiments]
    kept = [one for one in dumped if not untouched_default(one)]
    return {
        "experiments": sorted(kept, key=lambda one: one["name"]),
        "logged_models": logged_models(reader, ids),
        "registered_models": registered_models(reader),
        "traces": traces(reader, ids),
        "evaluation_datasets": evaluation_datasets(reader),
        "scorers": scorers(reader, ids),
    }


def experiment(reader, one):
    runs = every(
        lambda token: reader.client.search_runs(
            [one.experiment_id], "", ViewType.ALL, max_results=PAGE, page_token=token
        )
    )
    # An import has deleted these: the target had made them after its answer was lost.
    runs = [one for one in runs if "mlferry.source.late_copy_of" not in one.data.tags]
    with ThreadPoolExecutor(THREADS) as pool:
        dumped = list(pool.map(lambda found: run(reader, found), runs))
    return {
        "experiment_id": one.experiment_id,
        "name": one.name,
        "lifecycle_stage": one.lifecycle_stage,
        "creation_time": one.creation_time,
        "last_update_time": one.last_update_time,
        "artifact_location": one.artifact_location,
        "tags": dict(one.tags),
        "runs": sorted(dumped, key=lambda run: run["run_id"]),
    }


def run(reader, run):
    info, data = run.info, run.data
    models_in, models_out = inputs_and_outputs(reader, info.run_id)
    return {
        "run_id": info.run_id,
        "run_name": info.run_name,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "lifecycle_stage": info.lifecycle_stage,
        "artifact_uri": info.artifact_uri,
        "params": dict(data.params),
        "tags": dict(data.tags),
        "latest": {key: repr(float(value)) for key, value in data.metrics.items()},
        "metrics": {key: history(reader, info.run_id, key) for key in sorted(data.metrics)},
        "inputs": dataset_inputs(run),
        "model_inputs": models_in,
        "model_outputs": models_out,
        "artifacts": run_files(reader, info.run_id) if reader.with_artifacts else {},
    }


def history(reader, run_id, key):
    points = reader.client.get_metric_history(run_id, key)
    unique = {(point.timestamp, point.step, repr(float(point.value))) for point in points}
    return sorted(map(list, unique))


def dataset_inputs(run):
    inputs = getattr(run, "inputs", None)  # MLflow 1 has none
    found = inputs.dataset_inputs if inputs else []
    dumped = [
        {
            "name": one.dataset.name,
            "digest": one.dataset.digest,
            "source_type": one.dataset.source_type,
            "source": one.dataset.source,
            "schema": one.dataset.schema or None,  # the 2.9 client says "" for none
            "profile": one.dataset.profile or None,
            "tags": {tag.key: tag.value for tag in one.tags},
        }
        for one in found
    ]
    return sorted(dumped, key=lambda one: (one["name"], one["digest"]))


def untouched_default(experiment):
    default = experiment["experiment_id"] == "0" and experiment["name"] == "Default"
    own_tags = [key for key in experiment["tags"] if not key.startswith("mlferry.source.")]
    return default and not experiment["runs"] and not own_tags


def print_dump(url, with_artifacts, file):
    json.dump(everything(Reader(url, with_artifacts)), file, ensure_ascii=False, sort_keys=True, indent=1)
    file.write("\n")


def main():
    arguments = [one for one in sys.argv[1:] if not one.startswith("--")]
    sys.stdout.reconfigure(encoding="utf-8")
    print_dump(arguments[0], "--no-artifacts" not in sys.argv, sys.stdout)


main()
