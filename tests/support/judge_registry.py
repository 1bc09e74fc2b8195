"""The part of judge.py for registered models and prompts, paired by name, and their versions."""

from judge_part import OWN_TAGS, Part, foreign

EXPERIMENTS = "_mlflow_experiment_ids"


class Registry(Part):
    def all(self, source, target):
        def old_name(name):
            return target["registered_models"][name]["tags"].get(OWN_TAGS + "registered_model", name)

        targets = [{**one, "name": old_name(name)} for name, one in target["registered_models"].items()]
        self.pairs("registered model", source["registered_models"], targets, lambda one: one["name"])

    def compare(self, place, source, target):
        self.value(f"{place} / description", source["description"], target["description"])
        self.values(f"{place} / tag", self.tags(source["tags"]), foreign(target["tags"]))
        self.kept_times(place, source, target["tags"])
        self.values(f"{place} / alias", source["aliases"], target["aliases"])
        self.sides(f"{place} / version", source["versions"], target["versions"], self.version)

    def version(self, place, source, target):
        self.fields(place, ["description", "current_stage", "status"], source, target)
        for field in ["run_id", "model_id"]:
            self.value(f"{place} / {field}", self.moves.id(source[field]), target[field])
        self.value(f"{place} / run_link", self.moves.text("mlflow.runLink", source["run_link"]), target["run_link"])
        self.value(f"{place} / source", self.moves.uri(source["source"]), target["source"])
        self.values(f"{place} / tag", self.tags(source["tags"]), foreign(target["tags"]))
        self.kept_times(place, source, target["tags"])

    def tags(self, tags):
        tags = self.moves.tags(tags)
        if EXPERIMENTS in tags:
            tags[EXPERIMENTS] = self.moves.experiment_list(tags[EXPERIMENTS])
        return tags
