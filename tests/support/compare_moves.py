"""Which run, model, experiment and place of the source became which of the target, and what text must name anew."""

import re

from compare_part import OWN_TAGS, foreign

# The user's own words: ids within them stay.
PROSE = ["mlflow.note.content", "mlflow.prompt.text"]
# Values of the user's own that hold nothing but addresses and ids.
ADDRESS = r"(?:runs:/|models:/m-|mlflow-artifacts:/)[^\s'\",]+"
WHOLE = re.compile(rf"{ADDRESS}|\[\s*(?:(['\"])(?:{ADDRESS}|(?:m-)?[0-9a-f]{{32}})\1\s*,?\s*)+\]")
# The lines of an MLmodel that mlferry may change, all of them at the top level.
MLMODEL_LINE = re.compile(r"^(run_id|model_id|model_uuid|artifact_path): (['\"]?)([^\r\n]*?)\2(\r?)$", re.MULTILINE)


class Moves:
    def __init__(self, source, target):
        self.ids = {}
        self.models = {model["model_id"] for model in source["logged_models"]}
        for experiment in target["experiments"]:
            for run in experiment["runs"]:
                self.ids.setdefault(source_run(run), run["run_id"])
        for model in target["logged_models"]:
            self.ids.setdefault(source_model(model), model["model_id"])
        by_name = {one["name"]: one["experiment_id"] for one in target["experiments"]}
        self.experiments = {
            one["experiment_id"]: by_name[one["name"]] for one in source["experiments"] if one["name"] in by_name
        }
        new_roots = roots(target)
        self.roots = {
            root: new_roots[self.id(owner)] for owner, root in roots(source).items() if self.id(owner) in new_roots
        }

    def id(self, old):
        """A run's or a logged model's."""
        return self.ids.get(old, old)

    def can_name(self, model):
        """A deleted model cannot be read, so it cannot be moved."""
        return model in self.models

    def experiment(self, old):
        return self.experiments.get(old, old)

    def experiment_list(self, old):
        """`,1,2,`; one that was not moved is left out, because its id means another one on the target."""
        return ",".join(self.experiments.get(one, "") for one in old.split(",") if not one or one in self.experiments)

    def uri(self, uri):
        """The address that the target must hold: of the same file of the same run or model."""
        if found := re.match("(runs:/|models:/)([^/]+)(.*)", uri, re.DOTALL):
            return found[1] + self.id(found[2]) + found[3]
        parts = uri.split("/")
        for length in range(len(parts), 0, -1):
            root = "/".join(parts[:length])
            if root in self.roots:
                return self.roots[root] + uri[len(root) :]
        return uri

    def text(self, key, value):
        """The value of a tag or param as the target must hold it: MLflow's own name ids within JSON and addresses."""
        if key.startswith("mlflow.") and key not in PROSE or WHOLE.fullmatch(value):
            return re.sub("(?:m-)?[0-9A-Za-z]+", lambda word: self.id(word[0]), value)
        return self.id(value)

    def tags(self, tags):
        return {key: self.text(key, value) for key, value in foreign(tags).items()}

    def params(self, params):
        return {key: self.text("", value) for key, value in params.items()}

    def mlmodel(self, text):
        def new(line):
            name, quote, value, end = line.groups()
            return f"{name}: {quote}{self.uri(self.id(value))}{quote}{end}"

        return MLMODEL_LINE.sub(new, text)


def source_run(run):
    return run["tags"].get(OWN_TAGS + "run_id", run["run_id"])


def source_model(model):
    return model["tags"].get(OWN_TAGS + "model_id", model["model_id"])


def roots(dump):
    """Where the files of each run and logged model are."""
    runs = {run["run_id"]: run["artifact_uri"] for one in dump["experiments"] for run in one["runs"]}
    return {**runs, **{one["model_id"]: one["artifact_location"] for one in dump["logged_models"]}}
