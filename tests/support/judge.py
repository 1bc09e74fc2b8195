"""Compares two dumps of dump.py: is everything of the source in the target, and nothing else?

usage: judge.py SOURCE.json TARGET.json

Prints one line for each difference and exits 1, or one line that says they are identical and exits 0.
"""

import json
import os
import re
import sys
from collections import Counter

from judge_others import OWN_TAGS, Others, foreign, number, points

SOURCE_ID = OWN_TAGS + "run_id"
# What the server of the target gives itself, and what no request can set.
RUN_FIELDS = ["run_name", "user_id", "status", "start_time", "end_time", "lifecycle_stage"]
UNREADABLE = "unreadable"
PROSE = ["mlflow.note.content", "mlflow.prompt.text"]
SHOWN = 160


class Judge(Others):
    def __init__(self, source, target):
        self.source, self.target = source["experiments"], target["experiments"]
        self.all_source, self.all_target = source, target
        self.differences = []
        self.new_ids = {}
        for experiment in self.target:
            for run in experiment["runs"]:
                self.new_ids.setdefault(source_id(run), run["run_id"])
        self.prepare()

    def differ(self, place, source, target):
        source, target = text_of(source), text_of(target)
        # Long values that begin alike are shown from shortly before where they part.
        start = max(0, len(os.path.commonprefix([source, target])) - SHOWN // 4)
        self.differences.append(f"{place}: {show(source, start)} vs {show(target, start)}")

    def all(self):
        self.sides("experiment", by_name(self.source), by_name(self.target), self.experiment)
        self.others()

    def sides(self, what, source, target, compare):
        """Pairs two dictionaries: what one side lacks is a difference, the rest is compared."""
        for key in sorted(source.keys() | target.keys()):
            place = f"{what} {key}"
            if key not in target:
                self.differ(place, "present", "missing")
            elif key not in source:
                self.differ(place, "missing", "present")
            else:
                compare(place, source[key], target[key])

    def experiment(self, place, source, target):
        self.value(f"{place} / lifecycle_stage", source["lifecycle_stage"], target["lifecycle_stage"])
        self.values(f"{place} / tag", self.rewritten_tags(source["tags"]), foreign(target["tags"]))
        copies = Counter(map(source_id, target["runs"]))
        for key, count in copies.items():
            if count > 1:
                self.differ(f"{place} / run {key}", "1 run", f"{count} runs")
        sources = {run["run_id"]: run for run in source["runs"]}
        targets = {source_id(run): run for run in target["runs"]}
        self.sides(f"{place} / run", sources, targets, self.run)

    def run(self, place, source, target):
        place = f"{place} ({source['run_name']})"
        for field in RUN_FIELDS:
            if field == "run_name" and not source[field]:
                continue  # Old servers have runs without a name, new ones invent it.
            self.value(f"{place} / {field}", source[field], target[field])
        tags = foreign(target["tags"])
        if not source["run_name"]:
            tags.pop("mlflow.runName", None)
        self.values(f"{place} / tag", self.rewritten_tags(source["tags"]), tags)
        params = {key: self.rewritten("", value) for key, value in source["params"].items()}
        self.values(f"{place} / param", params, target["params"])
        self.values(f"{place} / latest", numbers(source["latest"]), numbers(target["latest"]))
        self.sides(f"{place} / metric", source["metrics"], target["metrics"], self.history)
        self.sides(f"{place} / input", by_identity(source), by_identity(target), self.value)
        self.value(f"{place} / model inputs", sorted(map(self.new_id, source["model_inputs"])), target["model_inputs"])
        outputs = sorted([self.new_id(model), step] for model, step in source["model_outputs"])
        self.value(f"{place} / model outputs", outputs, target["model_outputs"])
        self.sides(f"{place} / artifact", source["artifacts"], target["artifacts"], self.file)

    def history(self, place, source, target):
        before, after = points(source), points(target)
        for point in sorted(before - after)[:3]:
            self.differ(f"{place} / point", list(point), "missing")
        for point in sorted(after - before)[:3]:
            self.differ(f"{place} / point", "missing", list(point))
        if before != after:
            self.differ(f"{place} / points", len(before), len(after))

    def file(self, place, source, target):
        if len(source) == len(target) == 3:  # an MLmodel with its text
            self.value(place, self.moved_mlmodel(source[2]), target[2])
        # Two unreadable files look alike, and prove nothing.
        elif source != target or UNREADABLE in source:
            self.differ(place, source, target)

    def values(self, what, source, target):
        self.sides(what, source, target, self.value)

    def value(self, place, source, target):
        # As text: in Python, 1, 1.0 and True are equal.
        if json.dumps(source, sort_keys=True) != json.dumps(target, sort_keys=True):
            self.differ(place, source, target)

    def rewritten_tags(self, tags):
        return {key: self.rewritten(key, value) for key, value in foreign(tags).items()}

    def rewritten(self, key, value):
        """The value as the target must hold it. Ids within the user's prose stay."""
        if key.startswith("mlflow.") and key not in PROSE:
            return re.sub("(?:m-)?[0-9A-Za-z]+", lambda word: self.new_ids.get(word[0], word[0]), value)
        return self.new_ids.get(value, value)


def source_id(run):
    return run["tags"].get(SOURCE_ID, run["run_id"])


def by_name(experiments):
    return {experiment["name"]: experiment for experiment in experiments}


def by_identity(run):
    return {f"{one['name']} {one['digest']}": one for one in run["inputs"]}


def numbers(values):
    return {key: number(value) for key, value in values.items()}


def text_of(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text) if "\n" in text else text


def show(text, start):
    if len(text) <= SHOWN:
        return text
    part = text[start : start + SHOWN]
    before, after = "…" if start else "", "…" if start + SHOWN < len(text) else ""
    return f"{before}{part}{after} ({len(text)} characters)"


def counts(everything):
    experiments = everything["experiments"]
    runs = [run for experiment in experiments for run in experiment["runs"]]
    found = sum(len(points(history)) for run in runs for history in run["metrics"].values())
    files = sum(len(run["artifacts"]) for run in runs)
    others = [f"{len(found)} {kind.replace('_', ' ')}" for kind, found in everything.items() if kind != "experiments"]
    return f"{len(experiments)} experiments, {len(runs)} runs, {found} points, {files} files, {', '.join(others)}"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    judge = Judge(load(sys.argv[1]), load(sys.argv[2]))
    judge.all()
    for difference in judge.differences:
        print(difference)
    if judge.differences:
        sys.exit(1)
    print(f"identical: {counts(judge.all_source)}")


main()
