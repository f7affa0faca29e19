"""What is written beside a candidate: how it was measured and what it was trained on."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from accelerate import Accelerator

from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Interactions


def protocol_text(config: RecommenderConfig, counts: Mapping[str, int] | None) -> str:
    """Return the protocol in words, with the ``counts`` of the test window where there is one."""
    settings = config.evaluation
    text = (
        f"Time split: models frozen at the {settings.test_quantile:.0%} quantile of interaction times, blend and "
        f"epochs chosen on the window from {settings.validation_quantile:.0%}; every first contact of a user with an "
        "item is a target, given all that the user did strictly earlier; full ranking of the items known at the "
        f"cutoff, seen items masked; at most {settings.max_targets_per_user} last targets per user and "
        f"{settings.max_targets:,} in all, averaged per user, "
        f"{settings.resamples} bootstrap resamples over users."
    )
    if counts is not None:
        text += (
            f" {counts['measured']} targets measured; left out: {counts['cold']} of items unknown at the cutoff, "
            f"{counts['without_history']} of users without history, {counts['over_the_cap']} over the cap."
        )
    return text


def model_card(
    data: Interactions, config: RecommenderConfig, *, seed: int, accelerator: Accelerator, seconds: float
) -> dict[str, Any]:
    """Return the part of the card that every run has."""
    return {
        "rows": len(data),
        "users": len(np.unique(data.users_E)),
        "items": data.items,
        "data_window": [_iso(data.times_E.min()), _iso(data.times_E.max())] if len(data) else None,
        "seed": seed,
        "settings": asdict(config),
        "device": accelerator.device.type,
        "precision": accelerator.mixed_precision,
        "processes": accelerator.num_processes,
        "train_seconds": round(seconds, 1),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).isoformat()
