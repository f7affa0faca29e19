"""The dbt project: one asset per dbt model, one asset check per data test."""

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from pydantic import Field
from typing_extensions import override

from orchestration.dbt import DBT_PROJECT, ensure_manifest
from orchestration.metadata import OWNER
from shopsight.settings import Settings
from shopsight.warehouse import (
    REFRESH,
    built_by_other_models,
    dbt_failure,
    note_models,
    prepare_warehouse,
    remove_old_parts,
)


class ShopsightTranslator(DagsterDbtTranslator):
    """Group dbt models by their folder and name their owner, as every other asset does."""

    @override
    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return ``warehouse/<folder>``."""
        return f"warehouse/{dbt_resource_props['fqn'][1]}"

    @override
    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Return the one team that owns the warehouse."""
        return [OWNER]


class BuildOptions(dg.Config):
    """How to build the warehouse."""

    full_refresh: bool = Field(
        default=False,
        description="Build every table anew from the event log, also those that are kept up by the rows that arrived.",
    )


@dbt_assets(
    manifest=ensure_manifest(),
    project=DBT_PROJECT,
    dagster_dbt_translator=ShopsightTranslator(),
    name="warehouse",
    pool="duckdb",
)
def warehouse(
    context: dg.AssetExecutionContext,
    config: BuildOptions,
    dbt: DbtCliResource,
    settings: dg.ResourceParam[Settings],
) -> Iterator[Any]:
    """Build and test every dbt model, then export the marts; rows that arrived late change the day they belong to."""
    prepare_warehouse(settings)
    # dbt's artefacts go to the home, not the checkout, and only a failed run's are kept, for whoever asks why.
    target = settings.home / "warehouse" / "dbt" / context.run.run_id
    # Tables that are kept up by the rows that arrived may lack what newer models expect of them.
    anew = config.full_refresh or (not context.is_subset and built_by_other_models(settings))
    if anew and not config.full_refresh:
        context.log.info("the models are others than those that built this warehouse: every table is built anew")
    build = [*REFRESH, *(["--full-refresh"] if anew else [])]
    try:
        yield from dbt.cli(build, context=context, target_path=target).stream()
    except DagsterDbtCliRuntimeError as error:
        raise dbt_failure(settings, *build, why=str(error), target=target, log=target / "dbt.log") from None
    remove_old_parts(settings)
    if not context.is_subset:
        note_models(settings)
    shutil.rmtree(target, ignore_errors=True)
