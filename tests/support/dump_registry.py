"""Registered models and prompts by name; asked for by REST, because the clients hide prompts differently."""

import requests
from dump_reader import RELEASE, every_json, pairs

PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"


def registered_models(reader):
    try:
        found = searched(reader, "registered-models", "")
    except requests.HTTPError as error:
        # A store of files has a registry since 2.2.
        if RELEASE < (2, 2) and "unsupported URI" in error.response.text:
            return {}
        raise
    return {one["name"]: model(reader, one) for one in found}


def model(reader, one):
    quote = '"' if "'" in one["name"] else "'"
    versions = searched(reader, "model-versions", f"name={quote}{one['name']}{quote}")
    return {
        "release": list(RELEASE),
        "description": one.get("description", ""),
        "tags": pairs(one.get("tags")),
        "aliases": {alias["alias"]: str(alias["version"]) for alias in one.get("aliases", [])},
        **times(one),
        "versions": {str(version["version"]): model_version(version) for version in versions},
    }


def model_version(one):
    fields = ["description", "source", "run_id", "run_link", "model_id", "current_stage", "status"]
    return {field: one.get(field, "") for field in fields} | {"tags": pairs(one.get("tags")), **times(one)}


def times(one):
    fields = {"creation_time": "creation_timestamp", "last_update_time": "last_updated_timestamp"}
    found = {name: int(one[field]) for name, field in fields.items() if field in one}
    return {**found, "user_id": one.get("user_id", "")}


def searched(reader, what, condition):
    """What is not a prompt and, where servers tell them apart, what is."""
    conditions = [condition]
    if RELEASE >= (2, 21):
        conditions.append(f"{condition} AND {PROMPTS}" if condition else PROMPTS)
    field = what.replace("-", "_")
    found = {}
    for one in conditions:
        query = {"max_results": 100, **({"filter": one} if one else {})}
        for item in every_json(lambda asked: reader.get(f"/api/2.0/mlflow/{what}/search", asked), query, field):
            found[item["name"], item.get("version")] = item
    return list(found.values())
