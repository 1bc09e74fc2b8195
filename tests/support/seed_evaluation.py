"""Evaluation datasets and scorers."""

import json

import mlflow
from server import has

def seed(server, trace):
    """A record may come from this trace. File stores have none of these."""
    experiment = server.experiment("evaluation")
    if has("evaluation datasets") and not server.is_file_store:
        evaluation_datasets(server, experiment, trace)
    if has("scorers") and not server.is_file_store:
        scorers(server, experiment)


def evaluation_datasets(server, experiment, trace):
    """Of several experiments and of none; records of every source, with numbers that JSON readers bend."""
    client = server.client
    other = server.experiment("evaluation elsewhere")
    tags = {"größe": "größte 🐘", "mlflow.user": "eve", "number": 3}
    full = client.create_dataset("eval/größe 1", experiment_id=[experiment, other], tags=tags)
    of_trace = {"source": {"source_type": "TRACE", "source_data": {"trace_id": trace}}} if trace else {}
    nested = {"n": 1, "x": 2.0, "y": 0.1, "large": 2**53 + 1, "deep": {"list": [1, None, True, "ü"]}, "empty": {}}
    records = [
        {"inputs": {"question": "Wie groß?"}, "expectations": {"answer": "groß", "n": 1}, "tags": {"a": "größe"}},
        {"inputs": nested, "expectations": nested, **of_trace},
        {"inputs": {"only": "inputs"}},
        {"inputs": {"of": "a person"}, "source": {"source_type": "HUMAN", "source_data": {"user": "eve"}}},
        {"inputs": {"with": "outputs"}, "outputs": {"answer": [1, 2.0]}},
    ]
    records += [{"inputs": {"number": at}, "expectations": {"twice": 2 * at}} for at in range(100)]
    body = {"dataset_id": full.dataset_id, "records": json.dumps(records)}
    server.call("POST", f"3.0/mlflow/datasets/{full.dataset_id}/records", body)
    client.create_dataset("empty", experiment_id=[experiment])
    client.create_dataset("of no experiment")


def scorers(server, experiment):
    """Several versions of one."""
    for name, count in {"guide": 2, "größe": 1}.items():
        for number in range(1, count + 1):
            body = {"experiment_id": experiment, "name": name, "serialized_scorer": scorer(name, number)}
            server.call("POST", "3.0/mlflow/scorers/register", body)


def scorer(name, number):
    data = {"instructions": f"Version {number}: is {{{{ outputs }}}} höflich?", "model": "openai:/gpt-4o"}
    fields = {"name": name, "aggregations": [], "is_session_level_scorer": False, "mlflow_version": mlflow.__version__}
    return json.dumps({**fields, "serialization_version": 1, "instructions_judge_pydantic_data": data}, ensure_ascii=False)
