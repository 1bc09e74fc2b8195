"""The part of judge.py that is not experiments and runs, and what both parts take for the same."""

import json
import re
import sys
from collections import Counter

OWN_TAGS = "mlferry.source."
LARGEST = repr(sys.float_info.max)
UNREADABLE = "unreadable"

# What no request can set is not in this comparison at all: times of creation and update, the users of a registry,
# ids, artifact roots, the status message of a logged model, the schema and profile of an evaluation dataset.

# Each server has its own, whatever is sent to it.
SERVERS_OWN = {
    "mlflow.modelVersions": "the versions made of a logged model, listed by the server",
    "mlflow.trace.infoFinalized": "set by servers since 3.12",
    "mlflow.artifactLocation": "where this server keeps the trace's files",
    "mlflow.trace.spansLocation": "whether this server keeps the spans in files or in its database",
    "mlflow.trace.archiveLocation": "where a server has moved the spans",
}
# A server that takes spans in derives these; servers before it did not have them.
DERIVED = {
    "mlflow.trace.sizeStats": "since 3.2",
    "mlflow.trace.sizeBytes": "since 2.22",
    "mlflow.trace.tokenUsage": "since 3.2",
    "mlflow.trace.cost": "since 3.10",
    "mlflow.trace.session": "from a span's session.id",
    "mlflow.message.format": "from a span's provider",
    "mlflow.llm.model": "from a span's inputs and outputs",
    "mlflow.llm.provider": "from a span's attributes",
    "mlflow.llm.cost": "from a span's model and tokens",
}
# SQL stores keep an infinity as the largest number, know no negative zero, and no NaN of a logged model.
SAME_NUMBER = {"inf": LARGEST, "-inf": "-" + LARGEST, "-0.0": "0.0"}
SAME_MODEL_NUMBER = {**SAME_NUMBER, "nan": "0.0"}

VERSION_FIELDS = ["stage", "description", "run_link", "status"]
TRACE_FIELDS = ["client_request_id", "request_time", "duration", "state"]
SPAN_FIELDS = ["parent_id", "name", "type", "start", "end", "status", "message", "inputs", "outputs", "events"]
# Where a trace or an assessment names a run or a model; all else in them is the user's.
REFERENCES = ["mlflow.sourceRun", "mlflow.modelId", "mlflow.assessment.sourceRunId"]


class Others:
    def prepare(self):
        """Learns which ids, experiments and roots of artifacts became which."""
        for model in self.all_target["logged_models"]:
            self.new_ids.setdefault(model["tags"].get(OWN_TAGS + "model_id", model["model_id"]), model["model_id"])
        ids_by_name = {one["name"]: one["experiment_id"] for one in self.target}
        self.new_experiments = {
            one["experiment_id"]: ids_by_name.get(one["name"], one["experiment_id"]) for one in self.source
        }
        new_roots = self.roots(self.all_target)
        self.new_roots = {
            root: new_roots[self.new_id(owner)]
            for owner, root in self.roots(self.all_source).items()
            if self.new_id(owner) in new_roots
        }

    def roots(self, dump):
        runs = {run["run_id"]: run["artifact_uri"] for one in dump["experiments"] for run in one["runs"]}
        return {**runs, **{one["model_id"]: one["artifact_location"] for one in dump["logged_models"]}}

    def new_id(self, old):
        return self.new_ids.get(old, old)

    def new_experiment(self, old):
        return self.new_experiments.get(old, old)

    def moved(self, uri):
        """The address that the target must hold: of the same file of the same run or model."""
        if found := re.match("(runs:/|models:/)([^/]+)(.*)", uri, re.DOTALL):
            return found[1] + self.new_id(found[2]) + found[3]
        parts = uri.split("/")
        for length in range(len(parts), 0, -1):
            root = "/".join(parts[:length])
            if root in self.new_roots:
                return self.new_roots[root] + uri[len(root) :]
        return uri

    def moved_mlmodel(self, text):
        """Only these lines name what is new: all others are the user's."""
        text = re.sub(r"^(run_id|model_id|model_uuid): (\S+)$", lambda at: f"{at[1]}: {self.new_id(at[2])}", text, flags=re.M)
        return re.sub(r"^(artifact_path): (\S+)$", lambda at: f"{at[1]}: {self.moved(at[2])}", text, flags=re.M)

    def others(self):
        source, target = self.all_source, self.all_target

        def pair(kind, what, source_key, target_key, compare):
            copies = Counter(map(target_key, target[kind]))
            for key, count in copies.items():
                if count > 1:
                    self.differ(f"{what} {key}", 1, count)
            sources = {source_key(one): one for one in source[kind]}
            self.sides(what, sources, {target_key(one): one for one in target[kind]}, compare)

        def tagged(tag, key):
            return lambda one: one[key], lambda one: one["tags"].get(OWN_TAGS + tag, one[key])

        pair("logged_models", "logged model", *tagged("model_id", "model_id"), self.logged_model)
        pair("registered_models", "registered model", *tagged("registered_model", "name"), self.registered_model)
        pair("prompts", "prompt", *tagged("registered_model", "name"), self.registered_model)
        pair("traces", "trace", *[lambda one: one["trace_id"]] * 2, self.trace)
        pair("evaluation_datasets", "dataset", *tagged("dataset_id", "dataset_id"), self.dataset)

        def scorer_key(one):
            return f"{one['name']} version {one['version']} in {one['experiment_id']}"

        def moved_scorer_key(one):
            return scorer_key({**one, "experiment_id": self.new_experiment(one["experiment_id"])})

        pair("scorers", "scorer", moved_scorer_key, scorer_key, self.scorer)

    def logged_model(self, place, source, target):
        place = f"{place} ({source['name']})"
        self.value(f"{place} / experiment", self.new_experiment(source["experiment_id"]), target["experiment_id"])
        self.value(f"{place} / source_run_id", self.new_id(source["source_run_id"]), target["source_run_id"])
        for field in ["name", "status", "model_type"]:
            self.value(f"{place} / {field}", source[field], target[field])
        self.values(f"{place} / tag", only_here(self.rewritten_tags(source["tags"])), only_here(foreign(target["tags"])))
        params = {key: self.rewritten("", value) for key, value in source["params"].items()}
        self.values(f"{place} / param", params, target["params"])
        self.logged_metrics(place, source["metrics"], target["metrics"])
        self.sides(f"{place} / artifact", source["artifacts"], target["artifacts"], self.file)

    def logged_metrics(self, place, source, target):
        def canonical(points, new_id):
            return {(key, SAME_MODEL_NUMBER.get(value, value), time, step, new_id(run), *data)
                    for key, value, time, step, run, *data in points}

        before, after = canonical(source, self.new_id), canonical(target, lambda run: run)
        for point in sorted(before - after)[:3]:
            self.differ(f"{place} / metric", list(point), "missing")
        for point in sorted(after - before)[:3]:
            self.differ(f"{place} / metric", "missing", list(point))

    def registered_model(self, place, source, target):
        self.value(f"{place} / description", source["description"], target["description"])
        self.values(f"{place} / tag", self.registry_tags(source["tags"]), foreign(target["tags"]))
        self.values(f"{place} / alias", source["aliases"], target["aliases"])
        self.sides(f"{place} / version", source["versions"], target["versions"], self.version)

    def version(self, place, source, target):
        for field in VERSION_FIELDS:
            self.value(f"{place} / {field}", source[field], target[field])
        self.value(f"{place} / run_id", self.new_id(source["run_id"]), target["run_id"])
        self.value(f"{place} / source", self.moved(source["source"]), target["source"])
        self.values(f"{place} / tag", self.registry_tags(source["tags"]), foreign(target["tags"]))

    def registry_tags(self, tags):
        tags = self.rewritten_tags(tags)
        experiments = "_mlflow_experiment_ids"
        if experiments in tags:
            tags[experiments] = ",".join(map(self.new_experiment, tags[experiments].split(",")))
        return tags

    def trace(self, place, source, target):
        place = f"{place} ({source['tags'].get('mlflow.traceName')})"
        self.value(f"{place} / experiment", self.new_experiment(source["experiment_id"]), target["experiment_id"])
        for field in TRACE_FIELDS:
            self.value(f"{place} / {field}", source[field], target[field])
        for field in ["request_preview", "response_preview"]:
            if source[field]:  # where there is none, later servers derive one from the spans
                self.value(f"{place} / {field}", source[field], target[field])
        self.derived_values(f"{place} / metadata", self.with_references(source["metadata"]), foreign(target["metadata"]))
        self.derived_values(f"{place} / tag", self.with_references(source["tags"]), foreign(target["tags"]))
        self.value(f"{place} / runs", sorted(map(self.new_id, source["runs"])), sorted(target["runs"]))
        self.sides(f"{place} / assessment", by(source["assessments"], "assessment_id"),
                   by(target["assessments"], "assessment_id"), self.assessment)
        if UNREADABLE in (source["spans"], target["spans"]):
            # Two unreadable traces look alike, and prove nothing.
            self.differ(f"{place} / spans", source["spans"] and UNREADABLE, target["spans"] and "some")
        else:
            self.sides(f"{place} / span", by(source["spans"], "span_id"), by(target["spans"], "span_id"), self.span)

    def with_references(self, values):
        return {key: self.new_id(value) if key in REFERENCES else value for key, value in foreign(values).items()}

    def derived_values(self, place, source, target):
        """Compares what is not the server's own, and what is derived only where the source has it."""
        target = {key: value for key, value in target.items() if key in source or key not in DERIVED}
        self.values(place, only_here(source), only_here(target))

    def assessment(self, place, source, target):
        place = f"{place} ({source['assessment_name']})"
        source = {**source, "metadata": self.with_references(source.get("metadata", {}))}
        self.values(place, source, {"metadata": {}, **target})

    def span(self, place, source, target):
        place = f"{place} ({source['name']})"
        for field in SPAN_FIELDS:
            self.value(f"{place} / {field}", source[field], target[field])
        attributes = dict(source["attributes"])
        if "mlflow.experimentId" in attributes:
            attributes["mlflow.experimentId"] = self.new_experiment(str(attributes["mlflow.experimentId"]))
        self.derived_values(f"{place} / attribute", attributes, target["attributes"])

    def dataset(self, place, source, target):
        place = f"{place} ({source['name']})"
        self.value(f"{place} / name", source["name"], target["name"])
        self.value(f"{place} / created_by", source["created_by"], target["created_by"])
        self.values(f"{place} / tag", self.rewritten_tags(source["tags"]), foreign(target["tags"]))
        experiments = sorted(map(self.new_experiment, source["experiment_ids"]))
        self.value(f"{place} / experiments", experiments, sorted(target["experiment_ids"]))
        self.sides(f"{place} / record", by_inputs(source["records"]), by_inputs(target["records"]), self.value)

    def scorer(self, place, source, target):
        self.value(place, source["scorer"], target["scorer"])


def foreign(tags):
    return {key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)}


def only_here(values):
    return {key: value for key, value in values.items() if key not in SERVERS_OWN}


def by(items, key):
    return {one[key]: one for one in items}


def by_inputs(records):
    """Records by what they ask. Nothing and an empty object are the same to later servers."""
    return {
        json.dumps(one["inputs"], sort_keys=True, ensure_ascii=False): {key: value or None for key, value in one.items()}
        for one in records
    }


def number(text):
    return SAME_NUMBER.get(text, text)


def points(history):
    return {(timestamp, step, number(value)) for timestamp, step, value in history}
