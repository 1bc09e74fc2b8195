"""Copies all rows of an SQLite database of MLflow into an empty database of another kind, whose tables MLflow creates."""

import sys

import sqlalchemy as sa
from mlflow.store.db.utils import _initialize_tables

BATCH = 1000


def copy(source_path: str, target_url: str) -> None:
    source, target = sa.create_engine(f"sqlite:///{source_path}"), sa.create_engine(target_url)
    _initialize_tables(target)
    tables = sa.MetaData()
    tables.reflect(target)
    with source.connect() as reader, target.begin() as writer:
        if target.dialect.name == "mysql":
            # The first experiment has the id 0, which would ask for the next free one.
            writer.execute(sa.text("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"))
        # MLflow itself adds rows, such as the default workspace.
        for table in reversed(tables.sorted_tables):
            writer.execute(table.delete())
        for table in tables.sorted_tables:
            columns = [column for column in table.columns if column.computed is None]
            for column in columns:
                if isinstance(column.type, sa.JSON):
                    column.type = sa.JSON(none_as_null=True)
            # Truth values and JSON of SQLite are numbers and text.
            typed = {c.name: c.type for c in columns if isinstance(c.type, (sa.Boolean, sa.JSON))}
            names = ", ".join(f'"{column.name}"' for column in columns)
            query = sa.text(f'SELECT {names} FROM "{table.name}"').columns(**typed)
            rows = [dict(row._mapping) for row in reader.execute(query)]
            for at in range(0, len(rows), BATCH):
                writer.execute(table.insert(), rows[at : at + BATCH])


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2])
