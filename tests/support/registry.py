"""Registered models and prompts that migrations trip over, written by REST so that every release takes them alike."""

import json

import mlflow

VERSION = tuple(map(int, mlflow.__version__.split(".")[:2]))
LONG_AGO_LINK = "https://ci.example.com/runs/4711?q=1&x=ü"
PROMPT = "mlflow.prompt.is_prompt"


def tags_of(tags):
    return [{"key": key, "value": value} for key, value in tags.items()]


class Registry:
    def __init__(self, server):
        self.server = server

    def model(self, name, description="", **tags):
        self.server.post("registered-models/create", {"name": name, "description": description, "tags": tags_of(tags)})
        return name

    def version(self, name, source, run_id=None, stage=None, description="", link=None, **tags):
        body = {"name": name, "source": source, "description": description, "tags": tags_of(tags)}
        body |= {key: value for key, value in [("run_id", run_id), ("run_link", link)] if value}
        number = self.server.post("model-versions/create", body)["model_version"]["version"]
        if stage:
            body = {"name": name, "version": number, "stage": stage, "archive_existing_versions": False}
            self.server.post("model-versions/transition-stage", body)
        return number

    def delete(self, name, *numbers):
        for number in numbers:
            body = {"name": name, "version": str(number)}
            answer = self.server.session.delete(f"{self.server.url}/api/2.0/mlflow/model-versions/delete", json=body)
            answer.raise_for_status()

    def alias(self, name, alias, number):
        if VERSION < (2, 3):
            return
        self.server.post("registered-models/alias", {"name": name, "alias": alias, "version": str(number)})


def models(server):
    """Many versions with gaps, every kind of source, stages, aliases; runs that are deleted or were never there."""
    registry = Registry(server)
    one = server.experiment("registered")

    def trained(name):
        run_id = server.run(one, name)
        server.file(one, run_id, "model/MLmodel", b"flavors:\n  python_function: {}\n")
        return run_id, server.client.get_run(run_id).info.artifact_uri

    run_id, root = trained("trained twice")
    many = registry.model("many versions, größe 日本", "Zeile eins\nline two", team="risk", empty="")
    for number in range(1, 15):
        stage = {2: "Archived", 5: "Staging", 10: "Production", 12: "Production"}.get(number)
        description = f"version {number} äöü" if number % 2 else ""
        registry.version(many, f"{root}/model", run_id, stage, description, accuracy=f"0.{number}", note="a\nb" if number == 4 else "x")
    registry.delete(many, 3, 7, 8, 14)
    registry.alias(many, "champion", 10)
    registry.alias(many, "challenger_2", 13)
    registry.alias(many, "also-champion", 10)

    sources = registry.model("it's about sources")
    registry.version(sources, f"runs:/{run_id}/model", run_id, link=LONG_AGO_LINK)
    registry.version(sources, "s3://somebody-elses-bucket/models/clf/3")
    registry.version(sources, "s3://somebody-elses-bucket/artifacts/model", run_id)
    registry.version(sources, f"{root}", run_id)
    gone, gone_root = trained("deleted, but registered")
    registry.version(sources, f"{gone_root}/model", gone, "Archived")
    server.client.delete_run(gone)
    registry.version(sources, f"models:/{sources}/2")
    registry.model("no versions", "nothing was registered yet", planned="yes")


def prompts(server):
    """Texts whose order, aliases and tags matter; one is a chat."""
    registry = Registry(server)
    one = server.experiment("prompted")
    run_id = server.run(one, "used a prompt")
    name = registry.model("summary-prompt", **{PROMPT: "true", "_mlflow_experiment_ids": f",{one},", "owner": "größe"})
    for number in range(1, 13):
        text = f"Version {number}: summarise\n{{{{text}}}} 日本"
        tags = {PROMPT: "true", "mlflow.prompt.text": text, "_mlflow_prompt_type": "text", "author": f"a{number}"}
        if number == 11:
            tags["mlflow.prompt.associatedRunIds"] = run_id
        registry.version(name, "prompt-template", description=f"commit {number}", **tags)
    registry.alias(name, "production", 11)
    registry.delete(name, 4)
    chat = registry.model("chat prompt", **{PROMPT: "true"})
    messages = [{"role": "system", "content": "Du bist {{role}}."}, {"role": "user", "content": "{{question}}"}]
    tags = {PROMPT: "true", "mlflow.prompt.text": json.dumps(messages), "_mlflow_prompt_type": "chat"}
    tags["_mlflow_prompt_response_format"] = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}})
    tags["_mlflow_prompt_model_config"] = json.dumps({"temperature": 0.25, "max_tokens": 100})
    registry.version(chat, "prompt-template", description="erste Fassung", **tags)
