"""The real chain of a home, run day by day: land, build, judge; and whatever its sensor asks for."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import dagster as dg

from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from orchestration.defs.monitoring.sensors import stale_champions
from orchestration.instance import open_instance
from orchestration.local_run import RunWatch, execute, run_job
from orchestration.staleness import WHY_TAG, assets_of
from serving.packaging.bento import find_bento
from serving.served_model import ServedModel
from shopsight.clock import clock_at
from shopsight.sample_shop import SampleShopConfig, land_sample_shop
from shopsight.settings import Settings, prepare_environment

FAMILY: Final = "recommender"
OWN: Final = (f"{FAMILY}_training_set", f"{FAMILY}_drift", "online_features", "list_feedback")
"""What a night makes of this family."""
MONDAY: Final = 0
SENSOR_AT, WEEKLY_AT = timedelta(hours=1), timedelta(hours=4)
"""The sensor looks every minute; the schedule ``every_week`` trains on Monday at 04:00."""
CALENDAR: Final = "the calendar"


@dataclass(frozen=True, kw_only=True)
class Evening:
    """What came of a day's data."""

    reasons: str
    """Why the sensor asked for a retraining; empty where it asked for none, or waits."""
    waits: str
    """Why it waits, where there is a reason."""
    trained: str | None
    """Version of the new candidate."""
    eligible: bool
    said: str
    """What the gate said against it."""
    candidate: str
    """What the gate judged."""
    begun: str
    """From which weights it began: from scratch, or from the champion."""
    serves: str
    """Version of the champion that is packaged."""

    def said_in_words(self) -> str:
        """Return the evening in a line."""
        if self.trained is None:
            return f"Nothing was trained: {self.waits}"
        verdict = "may serve" if self.eligible else f"was refused: {self.said}"
        return f"{self.reasons}: {self.trained} ({self.candidate}, {self.begun}) {verdict}"


class Chain:
    """A home whose days are played; nothing in it is simulated but the shoppers and the clock."""

    def __init__(self, settings: Settings, config: SampleShopConfig, *, seed: int) -> None:
        self.settings = settings
        self.config = config
        self.seed = seed
        self._landed: datetime | None = None

    def land(self, until: datetime) -> None:
        """Deliver what arrived since the last delivery, and refresh warehouse, features, drift and feedback."""
        land_sample_shop(
            self.settings,
            self.config,
            seed=self.seed,
            received_at=until,
            arrived_from=self._landed,
            arrived_before=until,
        )
        self._landed = until
        prepare_environment(self.settings)
        with clock_at(until):
            execute(self.settings, self._night, dg.RunRequest(), watch=RunWatch())

    def train(self, at: datetime, request: dg.RunRequest | None = None) -> None:
        """Train, judge, decide by the policy and package."""
        with clock_at(at):
            run_job(self.settings, "weekly_retraining", request or dg.RunRequest(asset_selection=assets_of(FAMILY)))

    def evening(self, until: datetime) -> Evening:
        """Land the day that ended, ask the sensor, and run what it and the calendar ask for."""
        self.land(until)
        before = self.versions()
        waits, asked = self._ask(until + SENSOR_AT)
        for request in asked:
            self.train(until + SENSOR_AT, request)
        reasons = [request.tags[WHY_TAG] for request in asked]
        if until.weekday() == MONDAY:
            self.train(until + WEEKLY_AT)
            reasons.append(CALENDAR)
        new = [version for version in self.versions() if version.version not in {one.version for one in before}]
        newest = new[-1] if new else None
        return Evening(
            reasons="; ".join(reasons),
            waits=waits,
            trained=newest.version if newest else None,
            eligible=bool(newest and newest.eligible),
            said=" ".join(newest.reasons) if newest else "",
            candidate=newest.evaluation.candidate if newest else "",
            begun=str(newest.card.get("begun", {}).get("chosen", "")) if newest else "",
            serves=self.champion().version,
        )

    def _ask(self, at: datetime) -> tuple[str, Sequence[dg.RunRequest]]:
        """Return why the sensor waits, or what it asks for."""
        with clock_at(at), open_instance(self.settings) as instance:
            answer = stale_champions(dg.build_sensor_context(instance=instance, resources={"settings": self.settings}))
        if isinstance(answer, dg.SensorResult):
            return "", answer.run_requests or []
        assert isinstance(answer, dg.SkipReason)
        return str(answer.skip_message), []

    def versions(self) -> list[ModelVersion]:
        """Return the recommender's versions."""
        return ModelRegistry.of(self.settings).versions(FAMILY)

    def champion(self) -> ModelVersion:
        """Return the champion that is packaged; a version without its Bento does not serve."""
        champion = ModelRegistry.of(self.settings).champion(FAMILY)
        if champion is None or find_bento(self.settings, champion) is None:
            raise RuntimeError("nothing serves: the first training was refused")
        return champion

    @cached_property
    def _night(self) -> dg.JobDefinition:
        """The part of the nightly refresh of which the recommender is downstream.

        The other marts and the data tests would cost several times as much, and change nothing of what is served.
        """
        from orchestration.definitions import defs

        refreshed = defs().resolve_job_def("daily_refresh").asset_layer.selected_asset_keys
        own = dg.AssetSelection.assets(*(dg.AssetKey(name) for name in OWN)).upstream()
        keys = refreshed & own.resolve(defs().resolve_asset_graph())
        models = {key for key in keys if key.path[0] in ("staging", "intermediate", "marts")}
        selection = dg.AssetSelection.assets(*(keys - models)) | dg.AssetSelection.assets(*models).without_checks()
        job = dg.define_asset_job("night", selection=selection)
        return dg.Definitions.merge(defs(), dg.Definitions(jobs=[job])).resolve_job_def("night")


def served(version: ModelVersion) -> ServedModel:
    """Return a version with its papers, as a service reads it of its Bento."""
    approval: dict[str, Any] = asdict(version.approval) if version.approval else {}
    return ServedModel(
        family=version.family,
        version=version.version,
        artefact=version.path,
        trained_at=version.created_at,
        card=version.card,
        evaluation=asdict(version.evaluation),
        approval=approval,
        files=version.files,
    )


def new_taste(config: SampleShopConfig) -> SampleShopConfig:
    """Return the shop whose shoppers had the new taste from its first day on."""
    return replace(config, taste_changes_on=0)
