"""What every asset, job and sensor shares: the settings, the dbt command, and the executor."""

import dagster as dg

from orchestration.dbt import DBT_EXECUTABLE, DBT_PROJECT, OfflineDbtCliResource
from shopsight.settings import Settings


def settings_of_the_environment(_context: dg.InitResourceContext) -> Settings:
    """The settings that ``SHOPSIGHT_*`` variables give, read when a run or a tick begins.

    The variables, and no values of the code location, are what the web UI's processes and a run of the command line
    have in common: whoever starts a run sets them (:func:`shopsight.settings.prepare_environment`).
    """
    return Settings()


@dg.definitions
def shared() -> dg.Definitions:
    """Run a job's steps in one process.

    A process per step would import the libraries again for each: 4 to 5 CPU seconds a step, twice the time of the
    whole chain on the sample shop. Runs themselves are processes of their own.
    """
    return dg.Definitions(
        resources={
            "settings": dg.ResourceDefinition(
                settings_of_the_environment, description=settings_of_the_environment.__doc__
            ),
            "dbt": OfflineDbtCliResource(project_dir=str(DBT_PROJECT.project_dir), dbt_executable=DBT_EXECUTABLE),
        },
        executor=dg.in_process_executor,
    )
