"""Prints the versions of a registered model with their sources, and the version of each alias, as MLflow's client sees
them: `show_versions.py URL NAME`."""

import json
import sys

from mlflow import MlflowClient

client = MlflowClient(sys.argv[1], registry_uri=sys.argv[1])
name = sys.argv[2]
versions = {int(one.version): one.source for one in client.search_model_versions(f"name='{name}'")}
aliases = client.get_registered_model(name).aliases
aliases = {alias: int(client.get_model_version_by_alias(name, alias).version) for alias in aliases}
print(json.dumps({"versions": versions, "aliases": aliases}))
