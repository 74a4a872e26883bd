"""Tables and queries of databases: SQLite, and a PostgreSQL server that these tests start."""

import datetime as dt
import itertools
import resource
import shutil
import sqlite3
import tempfile
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import codes, read_one, source
from servers import PASSWORD, serve

from journeylib.databases import Relation, read_database, select_all
from journeylib.engine import open_connection
from journeylib.errors import DataError, JourneyError
from journeylib.raw import table_columns
from journeylib.spool import Spool

EVENTS = "customer_id TEXT, timestamp TEXT, touchpoint TEXT"
MANY = 200_000
COUNT = itertools.count()


@pytest.fixture(scope="session")
def server():
    folder = Path(tempfile.mkdtemp(prefix="journey-postgres-"))
    folder.chmod(0o755)
    try:
        with serve(folder) as running:
            running.admin = sa.create_engine(running.url(), isolation_level="AUTOCOMMIT")
            yield running
            running.admin.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def con(tmp_path):
    return open_connection(memory="1GB", scratch=tmp_path)


def run(server, *statements: str) -> None:
    with server.admin.connect().execution_options(no_parameters=True) as link:
        for statement in statements:
            link.exec_driver_sql(statement)


def rows_of(con, url, query):
    """Read a query; gives its rows in order and the types of its columns."""
    table = f"t{next(COUNT)}x"
    raw = read_database(con, url, query, table, label="shop")
    columns = ", ".join(f'"{name}"' for name in raw.columns)
    types = table_columns(con, table)
    found = con.sql(f"SELECT {columns} FROM {table} ORDER BY _row").to_arrow_table()
    rows = list(zip(*(column.to_pylist() for column in found.columns), strict=True))
    return rows, [types[name] for name in raw.columns]


def refused(con, url, query):
    with pytest.raises(DataError) as caught:
        read_database(con, url, query, "t", label="shop")
    (problem,) = caught.value.problems
    assert problem.fix
    assert problem.file == "shop"
    return problem


def shop(folder, *statements: str) -> str:
    with sqlite3.connect(folder / "shop.sqlite") as base:
        for statement in statements:
            base.execute(statement)
    base.close()
    return f"sqlite:///{folder / 'shop.sqlite'}"


# ------------------------------------------------------------------ golden


def test_postgres_types_arrive_as_what_they_are(server, con):
    run(
        server, "DROP TABLE IF EXISTS kinds",
        "CREATE TABLE kinds (n BIGINT, d NUMERIC(12,2), f DOUBLE PRECISION, b BOOLEAN, day DATE, "
        "t TIMESTAMP, tz TIMESTAMPTZ, u UUID, j JSONB, raw BYTEA, a INT[], w TEXT)",
        "INSERT INTO kinds VALUES (9007199254740993, 10.10, 0.1, true, '2024-01-13', "
        "'2024-01-13 10:00', '2024-01-13 10:00+02', '00000000-0000-0000-0000-000000000001', "
        """'{"a": 1}', 'abc', '{1,2}', 'é')""",
        "INSERT INTO kinds VALUES (1)",
    )  # fmt: skip
    rows, types = rows_of(con, server.url(), "SELECT * FROM kinds ORDER BY n DESC")
    assert rows[0] == (
        9007199254740993, Decimal("10.10"), 0.1, True, dt.date(2024, 1, 13),
        dt.datetime(2024, 1, 13, 10), dt.datetime(2024, 1, 13, 8, tzinfo=dt.UTC),
        str(uuid.UUID(int=1)), '{"a": 1}', "abc", "[1, 2]", "é",
    )  # fmt: skip
    assert rows[1][1:] == (None,) * 11
    assert types[:7] == [
        "BIGINT", "DECIMAL(4,2)", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip


def test_a_whole_source_can_come_from_postgres(server, tmp_path, monkeypatch):
    run(
        server, "CREATE SCHEMA IF NOT EXISTS sales", 'DROP TABLE IF EXISTS sales."Visits"',
        'CREATE TABLE sales."Visits" (customer_id INT, timestamp TIMESTAMPTZ, touchpoint TEXT)',
        """INSERT INTO sales."Visits" VALUES (7, '2024-01-13 10:00+01', '50% off')""",
    )  # fmt: skip
    monkeypatch.setenv("SHOP_PASSWORD", "s3cret%2Fp%40ss%3Aword")
    url = server.url(password="XX").replace("XX", "${SHOP_PASSWORD}")
    spec = {"name": "shop", "kind": "events", "url": url}
    _, rows = read_one(tmp_path, {**spec, "table": "sales.Visits"})
    assert rows["customer_id"].tolist() == ["7"]
    query = """SELECT * FROM sales."Visits" WHERE touchpoint LIKE '50%'"""
    _, same = read_one(tmp_path, {**spec, "query": query})
    assert same.equals(rows)


def test_rows_keep_the_order_of_the_query(server, con):
    query = f"SELECT i AS n FROM generate_series(1, {MANY // 4}) AS i ORDER BY -i"
    rows, _ = rows_of(con, server.url(), query)
    assert [row[0] for row in rows] == list(range(MANY // 4, 0, -1))


def test_many_rows_are_streamed_and_do_not_fill_the_memory(server, con, monkeypatch):
    sizes = []
    add = Spool.add_batch
    monkeypatch.setattr(
        Spool,
        "add_batch",
        lambda self, columns, rows: (sizes.append(rows), add(self, columns, rows)),
    )
    query = f"SELECT i AS n, repeat(md5(i::text), 8) AS w FROM generate_series(1, {MANY}) AS i"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raw = read_database(con, server.url(), query, "t", label="shop")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert raw.rows == sum(sizes) == MANY
    assert len(sizes) >= MANY // 50_000
    assert max(sizes) <= 50_000
    assert grown < 500  # MB; the rows as Python objects are more than twice that with the text


# ------------------------------------------------------------------ boundary


def test_columns_have_one_type_over_all_batches(con, tmp_path, monkeypatch):
    monkeypatch.setattr("journeylib.spool.BATCH_ROWS", 100)
    numbers = "CASE WHEN i > 150 THEN i END AS late, CASE WHEN i < 150 THEN i ELSE 0.5 END AS part"
    mixed = "CASE WHEN i < 150 THEN i ELSE 'x' || i END AS mixed, NULL AS never"
    query = (
        "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 250) "
        f"SELECT {numbers}, {mixed} FROM t"
    )
    rows, types = rows_of(con, shop(tmp_path, "CREATE TABLE a (b)"), query)
    assert types == ["BIGINT", "DOUBLE", "VARCHAR", "VARCHAR"]
    assert (rows[0], rows[-1]) == ((None, 1.0, "1", None), (250, 0.5, "x250", None))


def test_decimals_grow_in_digits_over_batches(tmp_path, con):
    spool = Spool(tmp_path, "shop")
    for values in ([Decimal("1.5"), None], [12, Decimal("1E+3")], [Decimal("0.125"), 2**40]):
        spool.add_batch({"d": values}, 2)
    spool.write(con, "t")
    assert [str(row[0]) for row in con.execute("SELECT d FROM t ORDER BY _row").fetchall()] == [
        "1.500", "None", "12.000", "1000.000", "0.125", "1099511627776.000",
    ]  # fmt: skip


def test_a_table_whose_name_holds_a_point_wins_over_a_schema(con, tmp_path):
    url = shop(tmp_path, 'CREATE TABLE "main.a" (b)', 'INSERT INTO "main.a" VALUES (1)')
    assert rows_of(con, url, Relation("main.a"))[0] == [(1,)]
    (tmp_path / "two").mkdir()
    url = shop(tmp_path / "two", 'CREATE TABLE "order" (b)', 'INSERT INTO "order" VALUES (2)')
    assert rows_of(con, url, Relation("main.order"))[0] == [(2,)]
    assert rows_of(con, url, Relation("order"))[0] == [(2,)]


def test_each_database_quotes_in_its_own_way():
    for dialect, quoted in (("mysql", "`a b`.`c``d`"), ("postgresql", '"a b"."c`d"')):
        loaded = sa.make_url(f"{dialect}://").get_dialect()()
        assert quoted in str(select_all("a b", "c`d").compile(dialect=loaded))


# ------------------------------------------------------------------ property

VALUE = st.one_of(
    st.none(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.booleans(),
    st.text(max_size=5), st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)), st.dates(),
    st.binary(max_size=4),
    st.datetimes(dt.datetime(1900, 1, 2), dt.datetime(2100, 1, 1), timezones=st.timezones()),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(VALUE, min_size=1, max_size=4), min_size=1, max_size=4))
def test_whatever_comes_no_row_and_no_missing_value_is_invented(batches):
    with tempfile.TemporaryDirectory() as folder:
        con = open_connection(memory="1GB", scratch=Path(folder))
        spool = Spool(Path(folder), "shop")
        for values in batches:
            spool.add_batch({"v": values}, len(values))
        spool.write(con, "t")
        found = con.execute("SELECT v IS NULL FROM t ORDER BY _row").fetchall()
        con.close()
    assert [row[0] for row in found] == [v is None for values in batches for v in values]


# ------------------------------------------------------------------ refusal


def test_a_wrong_table_is_named_with_a_near_one(server, con):
    run(server, "CREATE TABLE IF NOT EXISTS bookings (a INT)")
    problem = refused(con, server.url(), Relation("booking"))
    assert (problem.code, problem.message) == ("E-DATABASE", "there is no such table: booking.")
    assert problem.fix == 'Did you mean "bookings"?'
    problem = refused(con, server.url(), Relation("nowhere.booking"))
    assert "nowhere.booking" in problem.message


def test_a_bad_query_is_answered_by_the_database(server, con):
    problem = refused(con, server.url(), "SELEC 1")
    assert 'syntax error at or near "SELEC"' in problem.message
    assert refused(con, server.url(), "SELECT 1 AS a WHERE false").code == "E-NO-ROWS"
    assert refused(con, server.url(), "SELECT 1 AS a, 2 AS a").code == "E-DUP-COLUMN"


def test_nothing_is_ever_written_to_the_database(server, con, tmp_path):
    run(server, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 1 AS a")
    problem = refused(con, server.url(), "DELETE FROM kept RETURNING a")
    assert problem.code == "E-DATABASE"
    assert rows_of(con, server.url(), Relation("kept"))[0] == [(1,)]
    url = shop(tmp_path, "CREATE TABLE kept (a)", "INSERT INTO kept VALUES (1)")
    assert "returns no table" in refused(con, url, "DELETE FROM kept").message
    assert rows_of(con, url, Relation("kept"))[0] == [(1,)]


@pytest.mark.parametrize(
    "change",
    [
        {"password": "wr0ng/secret@x"},
        {"database": "no such base"},
        {"port": 1},
        {"host": "127.0.0.1", "query": {"sslmode": "wr0ng"}},
    ],
    ids=["password", "database", "port", "option"],
)
def test_no_message_ever_holds_the_password_or_the_address(server, con, change):
    url = server.url(**change)
    problem = refused(con, url, "SELECT 1")
    assert problem.code == "E-DATABASE"
    assert len(problem.message) > 25
    for secret in (PASSWORD, "wr0ng/secret@x", "s3cret", "postgresql+psycopg"):
        assert secret not in str(problem)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host:hunter2/base", "nosuch://me:hunter2@host/base", "hunter2",
        "postgresql+nosuch://me:hunter2@host/base", "sqlite:////no/such/hunter2.sqlite",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_never_shown(con, url):
    assert "hunter2" not in str(refused(con, url, "SELECT 1"))


def test_a_database_file_that_is_absent_is_not_made(con, tmp_path):
    problem = refused(con, f"sqlite:///{tmp_path / 'none.sqlite'}", Relation("a"))
    assert problem.code == "E-NO-FILE"
    assert not (tmp_path / "none.sqlite").exists()


def test_a_server_that_stops_is_said_so(server, con):
    server.stop()
    problem = refused(con, server.url(), Relation("a"))
    server.start()
    assert problem.code == "E-DATABASE"
    assert "refused" in problem.message


def test_a_source_without_rows_from_a_path_names_the_source(tmp_path):
    shop(tmp_path, f"CREATE TABLE a ({EVENTS})")
    with pytest.raises(JourneyError, match="E-NO-ROWS"):
        read_one(tmp_path, source("shop.sqlite", table="a"))
    shop(tmp_path, "INSERT INTO a VALUES ('c1', '2024-01-01 10:00', 'x')")
    table, _ = read_one(tmp_path, source("shop.sqlite", table="a"))
    assert "N-TZ-ASSUMED" in codes(table)
