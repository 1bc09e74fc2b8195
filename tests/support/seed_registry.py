"""Registered models and prompts that migrations trip over, written by REST so that every release takes them alike."""

import json

import mlflow
from server import PROSE, has

RUN_LINK = "https://ci.example.com/runs/4711?q=1&x=ü"
UNKNOWN_RUN = "0123456789abcdef0123456789abcdef"
PROMPT = "mlflow.prompt.is_prompt"


def tags_of(tags):
    return [{"key": key, "value": value} for key, value in tags.items()]


class Registry:
    def __init__(self, server):
        self.server = server

    def model(self, name, description="", **tags):
        self.server.post("registered-models/create", {"name": name, "description": description, "tags": tags_of(tags)})
        return name

    def version(self, name, source, run_id=None, stage=None, description="", link=None, model_id=None, **tags):
        body = {"name": name, "source": source, "description": description, "tags": tags_of(tags)}
        more = {"run_id": run_id, "run_link": link, "model_id": model_id}
        body |= {key: value for key, value in more.items() if value}
        number = self.server.post("model-versions/create", body)["model_version"]["version"]
        if stage:
            body = {"name": name, "version": number, "stage": stage, "archive_existing_versions": False}
            self.server.post("model-versions/transition-stage", body)
        return number

    def delete(self, name, *numbers):
        for number in numbers:
            self.server.call("DELETE", "2.0/mlflow/model-versions/delete", {"name": name, "version": str(number)})

    def alias(self, name, alias, number):
        if has("aliases"):
            self.server.post("registered-models/alias", {"name": name, "alias": alias, "version": str(number)})


def models(server):
    """Names, notes, many versions with gaps, every kind of source, stages, aliases."""
    registry = Registry(server)
    one = server.experiment("registered")

    def trained(name):
        run_id = server.run(one, name)
        server.file(one, run_id, "model/MLmodel", b"flavors:\n  python_function: {}\n")
        return run_id, server.client.get_run(run_id).info.artifact_uri

    run_id, root = trained("trained twice")
    registry.model("no versions", "nothing was registered yet\n" + PROSE, planned="yes")
    long = {"größe": PROSE, "empty": "", "long": "t" * 4999}
    percent = "100" if server.is_file_store else "100%"  # which is a folder's name there
    for name in [f"Größe 日本 🚀 {percent} & more", "with  two spaces", "\"quoted\"", "v1"]:
        registry.model(name, "d" * 4999 + "Ω", **long)
        registry.version(name, f"{root}/model", run_id, description=PROSE, **long)
    gaps(registry, root, run_id)

    sources = registry.model("it's about sources")
    registry.version(sources, f"runs:/{run_id}/model", run_id, link=RUN_LINK)
    registry.version(sources, "s3://somebody-elses-bucket/models/clf/3")
    registry.version(sources, "s3://somebody-elses-bucket/artifacts/modèl 1", run_id, run=run_id)
    registry.version(sources, "s3://somebody-elses-bucket/of/an/unknown/run", UNKNOWN_RUN)
    registry.version(sources, f"{root}", run_id)
    gone, gone_root = trained("deleted, but registered")
    registry.version(sources, f"{gone_root}/model", gone, "Archived")
    server.client.delete_run(gone)
    if has("aliases"):  # since then a version can be made of another one
        registry.version(sources, f"models:/{sources}/2")
        promoted = registry.model("a promoted one")  # of a name that sorts first
        registry.version(promoted, f"models:/{sources}/2")
        registry.version(sources, f"models:/{promoted}/1")


def gaps(registry, root, run_id):
    """Numbers that strings do not sort, of which some are gone; 14 shows as a gap because there is a 15."""
    many = registry.model("many versions, größe 日本", "Zeile eins\nline two", team="risk", empty="")
    for number in range(1, 15):
        stage = {2: "Archived", 4: "Archived", 5: "Staging", 10: "Production", 12: "Production"}.get(number)
        description = f"version {number} äöü" if number % 2 else ""
        note = "a\nb" if number == 4 else "x"
        registry.version(many, f"{root}/model", run_id, stage, description, accuracy=f"0.{number}", note=note)
    registry.delete(many, 3, 7, 8, 14)
    registry.version(many, f"runs:/{run_id}/model", run_id)
    for alias, number in {"champion": 10, "challenger_2": 13, "also-champion": 10, "Old-1": 1}.items():
        registry.alias(many, alias, number)


def names(server):
    """Names with "/" and ":": MLflow 3.11 refuses them."""
    registry = Registry(server)
    for name in ["team/fraud", "team:fraud", "a/b:c/d"]:
        registry.version(registry.model(name, odd="yes"), "s3://foreign/bucket")


def prompts(server):
    """Texts whose order, aliases and tags matter; chats."""
    if not has("prompts"):
        return
    registry = Registry(server)
    one = server.experiment("prompted")
    run_id = server.run(one, "used a prompt")
    name = registry.model("summary-prompt", **{PROMPT: "true", "_mlflow_experiment_ids": f",{one},", "owner": "größe"})
    for number in range(1, 13):
        text = f"Version {number}: summarise\n{{{{text}}}} {PROSE}"
        tags = {PROMPT: "true", "mlflow.prompt.text": text, "_mlflow_prompt_type": "text", "author": f"a{number}"}
        if number == 11:
            tags["mlflow.prompt.associatedRunIds"] = run_id
        registry.version(name, "prompt-template", description=f"commit {number}", **tags)
    for alias, number in {"production": 11, "newest": 12}.items():
        registry.alias(name, alias, number)
    registry.delete(name, 4)
    chat = registry.model("chat prompt", **{PROMPT: "true"})
    messages = [{"role": "system", "content": "Du bist {{role}}."}, {"role": "user", "content": "{{question}}"}]
    tags = {PROMPT: "true", "mlflow.prompt.text": json.dumps(messages), "_mlflow_prompt_type": "chat"}
    tags["_mlflow_prompt_response_format"] = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}})
    tags["_mlflow_prompt_model_config"] = json.dumps({"temperature": 0.25, "max_tokens": 100})
    registry.version(chat, "prompt-template", description="erste Fassung", **tags)
    prompts_by_client(server)


def prompts_by_client(server):
    """With whatever tags the release's own client gives them, and gives the runs that use them."""
    client = server.client
    one = server.experiment("prompted by the client")
    mlflow.set_experiment(experiment_id=one)
    for number in range(1, 4):
        more = {"tags": {"number": str(number)}} if number % 2 else {}
        client.register_prompt("by-client", f"{number}: {{{{question}}}}\n{PROSE}", f"change {number} größe", **more)
    client.set_prompt_alias("by-client", "production", 2)
    client.register_prompt("no.message-at_all", "x" * 4900)
    with mlflow.start_run():
        mlflow.load_prompt("prompts:/by-client/3")
        if has("rich prompts"):
            mlflow.genai.register_prompt("registered-in-a-run", "{{x}}")
    if not has("rich prompts"):
        return
    messages = [{"role": "system", "content": "Sei höflich."}, {"role": "user", "content": "{{question}}"}]
    schema = {"type": "object", "properties": {"answer": {"type": "string"}, "score": {"type": "number"}}}
    client.register_prompt("chat-by-client", messages, "a chat", tags={"lines": PROSE}, response_format=schema)
    client.set_prompt_tag("chat-by-client", "owner", "größte 🐘")
    if has("prompt model config"):
        settings = {"model_name": "m", "temperature": 0.5, "max_tokens": 10}
        client.register_prompt("chat-by-client", messages, model_config=settings)
    client.link_prompt_version_to_run(server.run(one, "linked to a prompt"), "prompts:/chat-by-client/1")
