"""Compares two dumps of dump.py: is everything of the source in the target, and nothing else?

usage: compare.py SOURCE.json TARGET.json

Prints one line for each difference and exits 1, or one line that says they are identical and exits 0.

Ids that the target gives are new; what names an old one must name the new one. What no request can set is not
compared: times and authors of experiments, models, versions and datasets (where mlferry has kept one as a tag of
its own, it must be the source's), the status message of a logged model, the schema and profile of a dataset.
"""

import json
import sys

from compare_evaluation import Datasets, Scorers
from compare_models import LoggedModels
from compare_moves import Moves
from compare_numbers import points
from compare_registry import Registry
from compare_runs import Experiments
from compare_traces import Traces

PARTS = [Experiments, LoggedModels, Registry, Traces, Datasets, Scorers]


def differences(source, target):
    moves, found = Moves(source, target), []
    for part in PARTS:
        part(moves, found).all(source, target)
    return found


def counts(everything):
    runs = [run for experiment in everything["experiments"] for run in experiment["runs"]]
    found = sum(len(points(history)) for run in runs for history in run["metrics"].values())
    files = sum(len(one["artifacts"]) for one in runs + everything["logged_models"])
    spans = sum(len(trace["spans"]) for trace in everything["traces"])
    sums = {"runs": len(runs), "points": found, "files": files, "spans": spans}
    sums |= {kind.replace("_", " "): len(found) for kind, found in everything.items()}
    return ", ".join(f"{count} {kind}" for kind, count in sums.items())


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    source = load(sys.argv[1])
    found = differences(source, load(sys.argv[2]))
    for difference in found:
        print(difference)
    if found:
        sys.exit(1)
    print(f"identical: {counts(source)}")


main()
