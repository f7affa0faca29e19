"""A code location of the deciding jobs alone: the whole one takes seconds to load."""

import dagster as dg

from orchestration.defs.promotion.jobs import (
    approve_candidate,
    reject_candidate,
    release_candidate,
    rollback_champion,
)
from orchestration.defs.resources import settings_of_the_environment

defs = dg.Definitions(
    jobs=[approve_candidate, reject_candidate, release_candidate, rollback_champion],
    resources={"settings": dg.ResourceDefinition(settings_of_the_environment)},
)
