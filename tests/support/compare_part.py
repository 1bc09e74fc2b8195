"""What all parts of compare.py share: how two things are compared and how a difference is told."""

import json
import os

OWN_TAGS = "mlferry.source."
UNREADABLE = "unreadable"
SHOWN = 160


class Part:
    """Compares one kind of things; `moves` knows what became what, `differences` takes a line for each."""

    def __init__(self, moves, differences):
        self.moves = moves
        self.differences = differences

    def differ(self, place, source, target):
        source, target = text_of(source), text_of(target)
        # Long values that begin alike are shown from shortly before where they part.
        start = max(0, len(os.path.commonprefix([source, target])) - SHOWN // 4)
        self.differences.append(f"{place}: {show(source, start)} vs {show(target, start)}")

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

    def pairs(self, what, source, target, target_key):
        """Pairs two lists of things, those of the target by the key that they had on the source."""
        found = {}
        for one in target:
            key = target_key(one)
            if key in found:
                self.differ(f"{what} {key}", "one", "several")
            found[key] = one
        self.sides(what, source, found, self.compare)

    def value(self, place, source, target):
        # As text: in Python, 1, 1.0 and True are equal.
        if json.dumps(source, sort_keys=True) != json.dumps(target, sort_keys=True):
            self.differ(place, source, target)

    def values(self, what, source, target):
        self.sides(what, source, target, self.value)

    def fields(self, place, names, source, target):
        for name in names:
            self.value(f"{place} / {name}", source[name], target[name])

    def points(self, place, source, target):
        """Sets of tuples; a handful of what differs is enough."""
        for point in sorted(source - target)[:3]:
            self.differ(place, list(point), "missing")
        for point in sorted(target - source)[:3]:
            self.differ(place, "missing", list(point))
        if source != target:
            self.differ(f"{place}s", len(source), len(target))

    def files(self, place, source, target):
        self.sides(f"{place} / artifact", source, target, self.file)

    def file(self, place, source, target):
        if len(source) == len(target) == 3:  # an MLmodel with its text
            self.value(place, self.moves.mlmodel(source[2]), target[2])
        # Two unreadable files look alike, and prove nothing.
        elif source != target or UNREADABLE in source:
            self.differ(place, source, target)

    def kept(self, place, tags, **source):
        """What cannot be set on the target is kept as tags of mlferry's, if at all: they must tell the truth."""
        for name, value in source.items():
            if OWN_TAGS + name in tags:
                self.value(f"{place} / kept {name}", str(value), tags[OWN_TAGS + name])

    def kept_times(self, place, source, tags):
        names = ["creation_time", "last_update_time", "user_id"]
        self.kept(place, tags, **{name: source.get(name) for name in names})


def foreign(tags):
    """Without mlferry's own."""
    return {key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)}


def text_of(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text) if "\n" in text else text


def show(text, start):
    if len(text) <= SHOWN:
        return text
    part = text[start : start + SHOWN]
    before, after = "…" if start else "", "…" if start + SHOWN < len(text) else ""
    return f"{before}{part}{after} ({len(text)} characters)"
