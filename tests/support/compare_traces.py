"""The part of compare.py for traces, which keep their ids, with their spans and assessments."""

from compare_part import UNREADABLE, Part, foreign

# Each server has its own, whatever is sent to it.
SERVERS_OWN = {
    "mlflow.trace.infoFinalized": "set by servers since 3.12",
    "mlflow.artifactLocation": "where this server keeps the trace's files",
    "mlflow.trace.spansLocation": "whether this server keeps the spans in files or in its database",
    "mlflow.trace.archiveLocation": "where a server has moved the spans",
}
# A server that takes spans in derives these. They count where the source has them: older servers had none.
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
TRACE_FIELDS = ["request_time", "duration", "state"]
# Since the third trace API. Where a source has none, later servers derive one from the spans.
NEWER_FIELDS = ["client_request_id", "request_preview", "response_preview"]
SPAN_FIELDS = ["parent_id", "name", "type", "start", "end", "status", "message", "inputs", "outputs", "events"]


class Traces(Part):
    def all(self, source, target):
        self.pairs("trace", by(source["traces"], "trace_id"), target["traces"], lambda one: one["trace_id"])

    def compare(self, place, source, target):
        place = f"{place} ({source['tags'].get('mlflow.traceName')})"
        self.value(f"{place} / experiment", self.moves.experiment(source["experiment_id"]), target["experiment_id"])
        self.fields(place, TRACE_FIELDS, source, target)
        self.fields(place, [name for name in NEWER_FIELDS if source[name] is not None], source, target)
        for what, field in [("metadata", "metadata"), ("tag", "tags")]:
            self.derived(f"{place} / {what}", self.references(source[field]), foreign(target[field]))
        self.value(f"{place} / runs", sorted(map(self.moves.id, source["runs"])), sorted(target["runs"]))
        self.values(f"{place} / attachment", source["attachments"], target["attachments"])
        assessments = [by(one["assessments"], "assessment_id") for one in (source, target)]
        self.sides(f"{place} / assessment", *assessments, self.assessment)
        if UNREADABLE in (source["spans"], target["spans"]):
            # Two unreadable traces look alike, and prove nothing.
            self.differ(f"{place} / spans", state(source["spans"]), state(target["spans"]))
        else:
            self.sides(f"{place} / span", by(source["spans"], "span_id"), by(target["spans"], "span_id"), self.span)

    def references(self, values):
        """Only a value that is an id as a whole: everything else in a trace is the user's."""
        return self.moves.params(foreign(values))

    def derived(self, place, source, target):
        target = {key: value for key, value in target.items() if key in source or key not in DERIVED}
        self.values(place, of_users(source), of_users(target))

    def assessment(self, place, source, target):
        place = f"{place} ({source['assessment_name']})"
        source = {**source, "metadata": self.references(source.get("metadata", {}))}
        self.values(place, source, {"metadata": {}, **target})

    def span(self, place, source, target):
        place = f"{place} ({source['name']})"
        self.fields(place, SPAN_FIELDS, source, target)
        attributes = dict(source["attributes"])
        if "mlflow.experimentId" in attributes:
            attributes["mlflow.experimentId"] = self.moves.experiment(str(attributes["mlflow.experimentId"]))
        self.derived(f"{place} / attribute", attributes, target["attributes"])


def of_users(values):
    return {key: value for key, value in values.items() if key not in SERVERS_OWN}


def by(items, key):
    return {one[key]: one for one in items}


def state(spans):
    return UNREADABLE if spans == UNREADABLE else f"{len(spans)} spans"
