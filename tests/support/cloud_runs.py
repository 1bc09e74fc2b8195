"""Counts what an experiment of managed MLflow holds, with the official client. Arguments: the ARN, the experiment."""

import sys

import mlflow

ARN, NAME = sys.argv[1:]
mlflow.set_tracking_uri(ARN)
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(NAME)
runs = client.search_runs([experiment.experiment_id], max_results=1000)
points = sum(len(client.get_metric_history(run.info.run_id, key)) for run in runs for key in run.data.metrics)
print(f"{len(runs)} runs, {points} points")
