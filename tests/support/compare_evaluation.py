"""The part of compare.py for evaluation datasets, paired by the tag that names the one of the source, and scorers."""

import json

from compare_part import OWN_TAGS, Part, foreign


class Datasets(Part):
    def all(self, source, target):
        sources = {one["dataset_id"]: one for one in source["evaluation_datasets"]}
        self.pairs("dataset", sources, target["evaluation_datasets"], source_dataset)

    def compare(self, place, source, target):
        place = f"{place} ({source['name']})"
        self.value(f"{place} / name", source["name"], target["name"])
        tags = {key: self.new_tag(key, value) for key, value in foreign(source["tags"]).items()}
        self.values(f"{place} / tag", tags, foreign(target["tags"]))
        self.kept_times(place, source, target["tags"])
        experiments = sorted(map(self.moves.experiment, source["experiment_ids"]))
        self.value(f"{place} / experiments", experiments, sorted(target["experiment_ids"]))
        self.sides(f"{place} / record", by_inputs(source["records"]), by_inputs(target["records"]), self.value)

    def new_tag(self, key, value):
        # A dataset's tags may be numbers.
        return self.moves.text(key, value) if isinstance(value, str) else value


class Scorers(Part):
    def all(self, source, target):
        sources = {key(one, self.moves.experiment): one for one in source["scorers"]}
        self.pairs("scorer", sources, target["scorers"], lambda one: key(one, str))

    def compare(self, place, source, target):
        self.value(place, source["scorer"], target["scorer"])


def source_dataset(one):
    return one["tags"].get(OWN_TAGS + "dataset_id", one["dataset_id"])


def key(scorer, new_experiment):
    return f"{scorer['name']} version {scorer['version']} in {new_experiment(scorer['experiment_id'])}"


def by_inputs(records):
    """Records by what they ask. Nothing and an empty object are the same to later servers."""
    def plain(record):
        return {key: None if value == {} else value for key, value in record.items()}

    return {json.dumps(one["inputs"], sort_keys=True, ensure_ascii=False): plain(one) for one in records}
