"""The part of compare.py for experiments, paired by name, and their runs."""

from compare_moves import source_run
from compare_numbers import numbers, points
from compare_part import Part, foreign

RUN_FIELDS = ["run_name", "user_id", "status", "start_time", "end_time", "lifecycle_stage"]


class Experiments(Part):
    def all(self, source, target):
        sources = {one["name"]: one for one in source["experiments"]}
        self.pairs("experiment", sources, target["experiments"], lambda one: one["name"])

    def compare(self, place, source, target):
        self.value(f"{place} / lifecycle_stage", source["lifecycle_stage"], target["lifecycle_stage"])
        self.values(f"{place} / tag", self.moves.tags(source["tags"]), foreign(target["tags"]))
        self.kept(place, target["tags"], experiment_id=source["experiment_id"])
        self.kept_times(place, source, target["tags"])
        sources = {run["run_id"]: run for run in source["runs"]}
        runs = Runs(self.moves, self.differences)
        runs.in_deleted = source["lifecycle_stage"] == "deleted"
        runs.pairs(f"{place} / run", sources, target["runs"], source_run)


class Runs(Part):
    def compare(self, place, source, target):
        place = f"{place} ({source['run_name']})"
        own, tags = self.moves.tags(source["tags"]), foreign(target["tags"])
        # Newer stores delete the runs of a deleted experiment with it.
        fields = [name for name in RUN_FIELDS if not self.in_deleted or name != "lifecycle_stage"]
        if not source["run_name"]:
            # Old servers have runs without a name, new ones invent it.
            fields = [name for name in fields if name != "run_name"]
            for side in (own, tags):
                side.pop("mlflow.runName", None)
        if "mlflow.runName" not in source["tags"] and tags.get("mlflow.runName") == target["run_name"]:
            tags.pop("mlflow.runName")  # a server makes it from the name
        self.fields(place, fields, source, target)
        self.values(f"{place} / tag", own, tags)
        self.values(f"{place} / param", self.moves.params(source["params"]), target["params"])
        self.values(f"{place} / latest", numbers(source["latest"]), numbers(target["latest"]))
        self.sides(f"{place} / metric", source["metrics"], target["metrics"], self.history)
        self.sides(f"{place} / input", by_identity(source), by_identity(target), self.value)
        inputs = sorted(self.moves.id(model) for model in source["model_inputs"] if self.moves.can_name(model))
        self.value(f"{place} / model inputs", inputs, target["model_inputs"])
        made = [(model, step) for model, step in source["model_outputs"] if self.moves.can_name(model)]
        outputs = sorted([self.moves.id(model), step] for model, step in made)
        self.value(f"{place} / model outputs", outputs, target["model_outputs"])
        self.files(place, source["artifacts"], target["artifacts"])

    def history(self, place, source, target):
        self.points(f"{place} / point", points(source), points(target))


def by_identity(run):
    return {f"{one['name']} {one['digest']}": one for one in run["inputs"]}
