"""The jobs that schedules, sensors, people and the command line start."""

import dagster as dg

from orchestration.decisions import DEPLOY
from orchestration.local_run import WHOLE_CHAIN
from orchestration.staleness import assets_of, retraining_job
from shopsight.families import FAMILIES

whole_chain = dg.define_asset_job(
    WHOLE_CHAIN,
    selection=dg.AssetSelection.all(),
    description="Everything: from files in the landing folder to Bentos of approved models.",
)
daily_refresh = dg.define_asset_job(
    "daily_refresh",
    selection=dg.AssetSelection.groups("ingestion", "features", "monitoring", "insights")
    | dg.AssetSelection.key_prefixes("staging", "intermediate", "marts"),
    description="New rows into the warehouse and the feature store, and a look at drift; no training.",
)
weekly_retraining = dg.define_asset_job(
    "weekly_retraining",
    selection=dg.AssetSelection.groups(
        "features", "monitoring", "models/training", "models/evaluation", "models/promotion", "models/deployment"
    ),
    description="New candidates from the present features, judged and registered; champions change by approval only.",
)
retrainings = [
    dg.define_asset_job(
        retraining_job(family),
        selection=dg.AssetSelection.assets(*assets_of(family)),
        description=f"A new candidate of {family} alone, from the present features: trained, judged and registered.",
    )
    for family in FAMILIES
]
deploy = dg.define_asset_job(
    DEPLOY,
    selection=dg.AssetSelection.groups("models/promotion", "models/deployment"),
    description="Package every champion that has no Bento yet; families without a champion are skipped.",
)
