"""The part of compare.py for logged models, paired by the tag that names the one of the source."""

from compare_moves import source_model
from compare_numbers import model_number
from compare_part import Part, foreign

# The versions made of a logged model: the server itself lists them.
SERVERS_OWN = "mlflow.modelVersions"


class LoggedModels(Part):
    def all(self, source, target):
        sources = {one["model_id"]: one for one in source["logged_models"]}
        self.pairs("logged model", sources, target["logged_models"], source_model)

    def compare(self, place, source, target):
        place = f"{place} ({source['name']})"
        self.fields(place, ["name", "status", "model_type"], source, target)
        experiment = self.moves.experiment(source["experiment_id"])
        self.value(f"{place} / experiment", experiment, target["experiment_id"])
        self.value(f"{place} / source_run_id", self.moves.id(source["source_run_id"]), target["source_run_id"])
        tags = self.moves.tags(source["tags"]), foreign(target["tags"])
        for side in tags:
            side.pop(SERVERS_OWN, None)
        self.values(f"{place} / tag", *tags)
        self.kept_times(place, source, target["tags"])
        self.values(f"{place} / param", self.moves.params(source["params"]), target["params"])
        self.points(f"{place} / metric", metrics(source, self.moves.id), metrics(target, lambda run: run))
        self.files(place, source["artifacts"], target["artifacts"])


def metrics(model, new_id):
    return {
        (key, model_number(value), time, step, new_id(run), *data)
        for key, value, time, step, run, *data in model["metrics"]
    }
