"""Every dbt model's SELECT, rendered for DuckDB and for Spark, is the SQL of that engine.

What this proves, without Spark: with `adapter.dispatch` answering as it does for Spark, the rendered SQL parses in
Spark's dialect and uses neither a clause nor a function that Spark does not have. sqlglot reads more than Spark does;
test_dbt_spark.py runs the models there.
"""

import re
from collections.abc import Iterator

import duckdb
import jinja2
import pytest
import sqlglot
from sqlglot import exp

from shopsight.settings import Settings
from shopsight.warehouse import DBT_PROJECT_DIR, prepare_warehouse

OWN_MACROS = {
    name
    for path in (DBT_PROJECT_DIR / "macros").glob("*.sql")
    for name in re.findall(r"macro spark__(\w+)", path.read_text())
}
CROSS_DATABASE_MACROS = {"date_trunc", "dateadd", "datediff", "safe_cast", "split_part"}
"""Of dbt's own: without dbt-spark their default stands in for Spark's."""

SPARK_FUNCTIONS = {"array_max", "element_at", "from_json", "weekday", "xxhash64"}
"""Functions of Spark that sqlglot has no class for."""


def compiled(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the name and the rendered SQL of every dbt model."""
    from dbt.cli.main import dbtRunner

    prepare_warehouse(settings)
    project, target = str(DBT_PROJECT_DIR), str(settings.home / "target")
    folders = ["--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target]
    outcome = dbtRunner().invoke(["compile", *folders, "--quiet", "--no-populate-cache"])
    assert outcome.success, outcome.exception
    for row in outcome.result.results:
        if row.node.resource_type == "model":
            yield str(row.node.name), str(row.node.compiled_code)


def faults(sql: str) -> set[str]:
    """Return what Spark would not understand."""
    try:
        tree = sqlglot.parse_one(re.sub(r'"(\w+)"\."(\w+)"\."(\w+)"', r"`\2`.`\3`", sql), read="spark")
    except sqlglot.ParseError as error:
        return {str(error)}
    # By its words: sqlglot takes Spark's from_utc_timestamp for the same thing.
    constructs = {"at time zone"} if "at time zone" in sql.lower() else set()
    for node in tree.walk():
        if isinstance(node, exp.Qualify):
            constructs.add("qualify")
        # An ORDER BY inside an aggregate is none of Spark's grammar, though sqlglot reads it.
        elif isinstance(node, exp.Order) and isinstance(node.parent, exp.AggFunc):
            constructs.add(f"order by in {node.parent.sql_name()}")
        # `* except` came with Spark 4; it has no word for `replace`.
        elif isinstance(node, exp.Star) and node.args.get("replace"):
            constructs.add("replace")
        elif isinstance(node, exp.Anonymous) and node.name.lower() not in SPARK_FUNCTIONS:
            constructs.add(node.name)
    return constructs


@pytest.mark.slow
def test_every_dbt_model_is_duckdb_sql(home: Settings) -> None:
    models = dict(compiled(home))
    assert len(models) >= 51
    for name, sql in models.items():
        assert sqlglot.parse_one(sql, read="duckdb"), name


@pytest.mark.slow
def test_every_dbt_model_is_spark_sql_when_it_is_rendered_for_spark(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.context.providers import BaseDatabaseWrapper

    dispatch = BaseDatabaseWrapper.dispatch
    prefixes = BaseDatabaseWrapper._get_adapter_macro_prefixes  # noqa: SLF001 - dbt has no setting for it

    def dispatch_for_spark(self, macro_name, *arguments, **named):
        self.renders_spark = macro_name in OWN_MACROS | CROSS_DATABASE_MACROS
        return dispatch(self, macro_name, *arguments, **named)

    def prefixes_for_spark(self):
        return ["spark", "default"] if getattr(self, "renders_spark", False) else prefixes(self)

    monkeypatch.setattr(BaseDatabaseWrapper, "dispatch", dispatch_for_spark)
    monkeypatch.setattr(BaseDatabaseWrapper, "_get_adapter_macro_prefixes", prefixes_for_spark)
    faults_of = {name: faults(sql) for name, sql in compiled(home)}
    assert {name: what for name, what in faults_of.items() if what} == {}


@pytest.mark.parametrize(
    "sql",
    [
        "select epoch_us(a) from t",
        "select a from t qualify a = 1",
        "select a at time zone 'UTC' from t",
        "select * replace (1 as a)",
        "select last(a order by b) from t",
    ],
)
def test_what_only_duckdb_understands_is_a_fault(sql: str) -> None:
    assert faults(sql)


def test_every_macro_that_is_dispatched_has_an_implementation_for_each_engine() -> None:
    text = (DBT_PROJECT_DIR / "macros" / "portable.sql").read_text()
    dispatched = set(re.findall(r"dispatch\('(\w+)'\)", text))
    for engine in ("duckdb", "spark"):
        assert set(re.findall(rf"macro {engine}__(\w+)", text)) == dispatched


def test_no_model_calls_an_engines_own_date_or_json_function() -> None:
    own = re.compile(r"\b(epoch_us|json_extract\w*|list_slice|arg_m(?:ax|in)|date_diff|isodow|unix_micros)\(")
    models = list((DBT_PROJECT_DIR / "models").rglob("*.sql"))
    assert {path.stem: own.findall(path.read_text()) for path in models if own.search(path.read_text())} == {}


def test_the_same_change_to_two_rows_does_not_cancel_out_in_a_fingerprint() -> None:
    text = (DBT_PROJECT_DIR / "macros" / "portable.sql").read_text()
    macro = re.search(r"macro duckdb__hash_of\(values\) -%\}(.*?)\{%- endmacro", text, re.DOTALL)
    assert macro
    row_hash = jinja2.Template(macro[1]).render(values=["id", "is_usable"])
    rows = "from (values (1, {flag}), (2, {flag})) as rows (id, is_usable)"
    fingerprints = {
        duckdb.sql(f"select bit_xor({row_hash}) {rows.format(flag=flag)}").fetchall()[0] for flag in ("true", "false")
    }
    assert len(fingerprints) == 2
