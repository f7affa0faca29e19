"""What every asset and job shares: the dbt command, and the executor."""

import dagster as dg

from orchestration.dbt import DBT_EXECUTABLE, DBT_PROJECT, OfflineDbtCliResource


@dg.definitions
def shared() -> dg.Definitions:
    """Run a job's steps in one process.

    A process per step would import the libraries again for each: 4 to 5 CPU seconds a step, twice the time of the
    whole chain on the sample shop. Runs themselves are processes of their own.
    """
    return dg.Definitions(
        resources={
            "dbt": OfflineDbtCliResource(project_dir=str(DBT_PROJECT.project_dir), dbt_executable=DBT_EXECUTABLE)
        },
        executor=dg.in_process_executor,
    )
