"""A store of an older version is brought up to date and loses nothing; one of a newer version is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from serendip.data import InputError
from serendip.store import Store, StoredEvent, migrations, open_store, postgres, sqlite
from serendip.store.relational import writing
from serendip.store.schema import HEAD, metadata


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres").new_database()
        return url
    return tmp_path / "serendip.db"


@pytest.fixture
def engine(where: Path | str) -> sa.Engine:
    return postgres._engine(where) if isinstance(where, str) else sqlite._engine(where)


def make_old(engine: sa.Engine) -> None:
    """As the first version left it, before revisions were written down."""
    with writing(engine) as connection, connection.begin():
        migrations.upgrade(connection, "0001")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql(
            "INSERT INTO events (event_id, user_id, item_id, type, time_ms, received_ms) "
            "VALUES ('e1', 'ann', 'tea', 'like', 5, 5)"
        )
        connection.exec_driver_sql("UPDATE meta SET value = 7 WHERE name = 'catalogue_version'")


def test_the_newest_revision_is_the_head() -> None:
    assert migrations.revisions()[0] == HEAD


def test_an_old_store_is_brought_up_to_date(engine: sa.Engine, where: Path | str) -> None:
    make_old(engine)
    store = open_store(where)
    assert [event.item_id for event in store.history("ann")] == ["tea"]
    assert store.catalogue_version() == 7
    assert store.append([StoredEvent("ann", "tea", "like", time_ms=5, event_id="e1")]).duplicates == 1
    store.close()
    open_store(where).close()  # and is then like any other


def test_migrated_tables_are_those_of_a_new_store(engine: sa.Engine, where: Path | str) -> None:
    make_old(engine)
    open_store(where).close()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), without_alembic()) == []


def without_alembic() -> sa.MetaData:
    """The tables, but for Alembic's own, which its comparison leaves out."""
    tables = sa.MetaData()
    for table in metadata.sorted_tables:
        if table.name != "alembic_version":
            table.to_metadata(tables)
    return tables


def test_the_comparison_sees_what_is_missing(engine: sa.Engine) -> None:
    make_old(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), without_alembic())
    kinds = {difference[0] if isinstance(difference, tuple) else difference[0][0] for difference in differences}
    assert {"add_table", "add_column"} <= kinds <= {"add_table", "add_column", "remove_index", "add_index"}


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    engine: sa.Engine, where: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(engine)
    upgrade: Callable[..., None] = migrations.upgrade

    def interrupted(connection: sa.Connection) -> None:
        upgrade(connection)
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "upgrade", interrupted)
        with pytest.raises(RuntimeError, match="power"):
            open_store(where)
    with engine.connect() as connection:
        assert "keys" not in sa.inspect(connection).get_table_names()
        assert connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'schema_version'").scalar() == 1
    store: Store = open_store(where)
    assert len(store.history("ann")) == 1
    store.close()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(engine: sa.Engine, where: Path | str) -> None:
    open_store(where).close()
    with writing(engine) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InputError, match=f"newer Serendip .schema 9999, this one reads up to {HEAD}"):
        open_store(where)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"
