"""Logged models, and which of them runs took and made."""

from dump_files import model_files
from dump_reader import RELEASE, every

PAGE = 500


def logged_models(reader, experiments):
    if RELEASE < (3, 0):
        return []
    found = every(
        lambda token: reader.client.search_logged_models(experiments, max_results=PAGE, page_token=token)
    )
    return sorted((logged_model(reader, one) for one in found), key=lambda one: one["model_id"])


def logged_model(reader, one):
    points = [
        [point.key, repr(float(point.value)), point.timestamp, point.step, point.run_id]
        + [point.dataset_name or "", point.dataset_digest or ""]
        for point in one.metrics or []
    ]
    return {
        "model_id": one.model_id,
        "experiment_id": one.experiment_id,
        "name": one.name,
        "status": str(one.status),
        "model_type": one.model_type or "",
        "source_run_id": one.source_run_id or "",
        "artifact_location": one.artifact_location,
        "creation_time": one.creation_timestamp,
        "last_update_time": one.last_updated_timestamp,
        "tags": dict(one.tags),
        "params": dict(one.params),
        "metrics": sorted(points),
        "artifacts": model_files(reader, one.model_id) if reader.with_artifacts else {},
    }


def inputs_and_outputs(reader, run_id):
    """The models of a run, which no search returns in every release."""
    if RELEASE < (3, 0):
        return [], []
    run = reader.client.get_run(run_id)
    inputs = run.inputs.model_inputs if run.inputs else []
    outputs = run.outputs.model_outputs if run.outputs else []
    return sorted(one.model_id for one in inputs), sorted([one.model_id, one.step] for one in outputs)
