"""Evaluation datasets with their records, and scorers."""

import json

from dump_reader import RELEASE, every
from mlflow.exceptions import MlflowException

RECORD_FIELDS = ["inputs", "outputs", "expectations", "tags", "source"]


def evaluation_datasets(reader):
    if RELEASE < (3, 4):
        return []
    try:
        found = every(lambda token: reader.client.search_datasets(max_results=50, page_token=token))
        return sorted(map(dataset, found), key=lambda one: (one["name"], one["dataset_id"]))
    except MlflowException as error:
        if any(said in str(error) for said in ["FileStore", "not supported", "too many 500"]):
            return []  # File stores have none.
        raise


def dataset(one):
    records = [record.to_dict() for record in one.records]
    found = [{key: record.get(key) for key in RECORD_FIELDS} for record in records]
    return {
        "dataset_id": one.dataset_id,
        "name": one.name,
        "tags": one.tags or {},
        "creation_time": one.created_time,
        "last_update_time": one.last_update_time,
        "user_id": one.created_by,
        "experiment_ids": sorted(one.experiment_ids),
        "records": sorted(found, key=lambda one: json.dumps(one["inputs"], sort_keys=True)),
    }


def scorers(reader, experiments):
    if RELEASE < (3, 4):
        return []
    return [one for experiment in experiments for one in scorers_of(reader, experiment)]


def scorers_of(reader, experiment):
    answer = reader.ask("GET", "/api/3.0/mlflow/scorers/list", params={"experiment_id": experiment})
    if answer.status_code != 200:
        return  # Neither file stores nor deleted experiments show any.
    for name in sorted({one["scorer_name"] for one in answer.json().get("scorers", [])}):
        query = {"experiment_id": experiment, "name": name}
        for one in reader.get("/api/3.0/mlflow/scorers/versions", query)["scorers"]:
            content = json.loads(one["serialized_scorer"])
            yield {"experiment_id": experiment, "name": name, "version": one.get("scorer_version"), "scorer": content}
