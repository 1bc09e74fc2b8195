"""Changes things in the database of a server that a store was migrated to, as nobody should.

usage: edit.py DATABASE keep | undo | EDIT ...

`keep` makes a copy, and `undo` brings the database back to it.
"""

import json
import sqlite3
import sys

DATABASE, *NAMES = sys.argv[1:]
KEPT = f"{DATABASE}.kept"

# A metric whose points can be told apart, of a run that is not deleted.
PLAIN = "count(*) > 2 and count(*) = count(distinct step) and max(is_nan) = 0 and max(abs(value)) < 1000000"
RUN = (
    "(select m.run_uuid from metrics m join runs r using (run_uuid) where r.lifecycle_stage = 'active'"
    f" group by m.run_uuid, m.key having {PLAIN} order by r.name, m.run_uuid limit 1)"
)
KEY = f"(select key from metrics where run_uuid = {RUN} group by key having {PLAIN} order by key limit 1)"
MODEL = (
    "(select v.name from model_versions v where v.current_stage != 'Deleted_Internal' and not exists (select 1 from"
    " registered_model_tags t where t.name = v.name and t.key = 'mlflow.prompt.is_prompt') order by v.name limit 1)"
)
VERSION = (
    f"(select rowid from model_versions where name = {MODEL} and current_stage != 'Deleted_Internal'"
    " order by version limit 1)"
)
FIRST = "(select min(rowid) from {})"

EDITS = {
    "point removed": f"delete from metrics where run_uuid = {RUN} and key = {KEY} and step ="
    f" (select min(step) from metrics where run_uuid = {RUN} and key = {KEY})",
    "point changed": f"update metrics set value = value + 1 where run_uuid = {RUN} and key = {KEY} and step ="
    f" (select min(step) from metrics where run_uuid = {RUN} and key = {KEY})",
    "latest changed": f"update latest_metrics set value = 999 where run_uuid = {RUN} and key = {KEY}",
    "param changed": f"update params set value = 'edited' where rowid = {FIRST.format('params')}",
    "param removed": f"delete from params where rowid = {FIRST.format('params')}",
    "run tag added": f"insert into tags (key, value, run_uuid) values ('edited', 'x', {RUN})",
    "run renamed": f"update runs set name = 'edited' where run_uuid = {RUN}",
    "run's end changed": f"update runs set end_time = end_time + 1 where run_uuid = {RUN}",
    "run's state changed": f"update runs set status = 'KILLED' where run_uuid = {RUN}",
    "run's user changed": f"update runs set user_id = 'edited' where run_uuid = {RUN}",
    "run deleted": f"update runs set lifecycle_stage = 'deleted' where run_uuid = {RUN}",
    "run added": "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,"
    " start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) select"
    " 'ed17ed00000000000000000000000000', 'edited', source_type, source_name, entry_point_name, user_id, status,"
    " start_time, end_time, source_version, lifecycle_stage, 'mlflow-artifacts:/0/edited', experiment_id from runs"
    f" where run_uuid = {RUN}",
    "experiment tag added": "insert into experiment_tags (key, value, experiment_id) select 'edited', 'x',"
    f" experiment_id from runs where run_uuid = {RUN}",
    "experiment renamed": "update experiments set name = 'edited' where experiment_id ="
    f" (select experiment_id from runs where run_uuid = {RUN})",
    "alias added": "insert into registered_model_aliases (alias, version, name, workspace)"
    f" select 'edited', version, name, workspace from model_versions where rowid = {VERSION}",
    "alias moved": "update registered_model_aliases set version = version + 1 where rowid = (select a.rowid from"
    " registered_model_aliases a join model_versions v on v.name = a.name and v.version = a.version + 1 where"
    " v.current_stage != 'Deleted_Internal' order by a.name, a.alias limit 1)",
    "scorer changed": "update scorer_versions set serialized_scorer = replace(serialized_scorer, '\"name\"',"
    f" '\"edited\"') where rowid = {FIRST.format('scorer_versions')}",
    "model's tag added": "insert into registered_model_tags (key, value, name, workspace)"
    f" select 'edited', 'x', name, workspace from registered_models where name = {MODEL}",
    "version described": f"update model_versions set description = 'edited' where rowid = {VERSION}",
    "logged model's metric changed": "update logged_model_metrics set metric_value = metric_value + 1"
    f" where rowid = {FIRST.format('logged_model_metrics')}",
    "logged model's param changed": "update logged_model_params set param_value = 'edited'"
    f" where rowid = {FIRST.format('logged_model_params')}",
    "trace tag added": "insert into trace_tags (key, value, request_id)"
    " select 'edited', 'x', trace_id from spans order by trace_id limit 1",
    "assessment changed": "update assessments set rationale = 'edited'"
    f" where rowid = {FIRST.format('assessments')}",
    "record changed": "update evaluation_dataset_records set expectations = '{\"edited\": 1}'"
    f" where rowid = {FIRST.format('evaluation_dataset_records')}",
}


def span(database):
    row, content = database.execute("select rowid, content from spans order by trace_id, span_id limit 1").fetchone()
    content = json.loads(content)
    content["attributes"]["edited"] = '"x"'
    database.execute("update spans set content = ? where rowid = ?", (json.dumps(content), row))
    return 1


def main():
    database = sqlite3.connect(DATABASE, timeout=30)
    if NAMES[0] in ("keep", "undo"):
        kept = sqlite3.connect(KEPT)
        ends = (database, kept) if NAMES[0] == "keep" else (kept, database)
        return ends[0].backup(ends[1])
    for name in NAMES:
        changed = span(database) if name == "span attribute added" else database.execute(EDITS[name]).rowcount
        if changed != 1:
            print(f"{name}: {changed} rows")
    return database.commit()


main()
