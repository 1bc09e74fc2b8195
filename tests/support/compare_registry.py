"""The part of compare.py for registered models and prompts, paired by name, and their versions."""

import re

from compare_part import OWN_TAGS, Part, foreign

EXPERIMENTS = "_mlflow_experiment_ids"
# Since then a version names the run that its source is of, whether it is told or not.
CHECKED_SOURCES = (3, 17)
COPY = re.compile("models:/([^/]+)/([0-9]+)")
RUN = re.compile("(?<![0-9a-f-])[0-9a-f]{32}(?![0-9a-f])")


class Registry(Part):
    def all(self, source, target):
        self.there = target["registered_models"]

        def old_name(name):
            return target["registered_models"][name]["tags"].get(OWN_TAGS + "registered_model", name)

        targets = [{**one, "name": old_name(name)} for name, one in target["registered_models"].items()]
        self.pairs("registered model", source["registered_models"], targets, lambda one: one["name"])

    def compare(self, place, source, target):
        self.value(f"{place} / description", source["description"], target["description"])
        self.values(f"{place} / tag", self.tags(source["tags"]), foreign(target["tags"]))
        self.kept_times(place, source, target["tags"])
        self.values(f"{place} / alias", source["aliases"], target["aliases"])
        is_checked = tuple(target["release"]) >= CHECKED_SOURCES

        def version(place, source, target):
            run = self.moves.id(source["run_id"]) or (is_checked and self.given_run(target)) or ""
            self.version(place, {**source, "run_id": run}, target)

        self.sides(f"{place} / version", source["versions"], target["versions"], version)

    def given_run(self, target):
        """The run that a version gets which names none: the one that its files are of, or its original's."""
        if found := COPY.fullmatch(target["source"]):
            return self.there[found[1]]["versions"][found[2]]["run_id"]
        return next(iter(RUN.findall(target["source"])), "")

    def version(self, place, source, target):
        self.fields(place, ["description", "current_stage", "status", "run_id"], source, target)
        self.value(f"{place} / model_id", self.moves.id(source["model_id"]), target["model_id"])
        self.value(f"{place} / run_link", self.moves.text("mlflow.runLink", source["run_link"]), target["run_link"])
        self.value(f"{place} / source", self.moves.uri(source["source"]), target["source"])
        self.values(f"{place} / tag", self.tags(source["tags"]), foreign(target["tags"]))
        self.kept_times(place, source, target["tags"])

    def tags(self, tags):
        tags = self.moves.tags(tags)
        if EXPERIMENTS in tags:
            tags[EXPERIMENTS] = self.moves.experiment_list(tags[EXPERIMENTS])
        return tags
