"""Train next best actions: decide about shoppers that were not seen, judge it, and learn from all of them."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from models.evaluation.results import Evaluation
from models.next_best_action.baselines import name_of, same_for_everybody
from models.next_best_action.config import NextBestActionConfig
from models.next_best_action.dataset import ActionRows, action_rows
from models.next_best_action.effects import fit_actions
from models.next_best_action.evaluate import CANDIDATE, FAMILY, PRIMARY_METRIC, PROTOCOL, evaluate, judge
from models.next_best_action.predict import NextBestAction
from models.progress import Progress, ReportProgress
from models.training import BASELINE_FOLDER, impossible, write_results


def train(
    rows: pa.Table,
    *,
    config: NextBestActionConfig,
    out_dir: Path,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
) -> Evaluation:
    """Train, judge and write an artefact folder: the model, evaluation.json, card.json; beside it the baseline.

    Args:
        rows: the training table; see :func:`models.next_best_action.dataset.action_rows`.
        config: settings.
        out_dir: folder to write; made if need be.
        seed: seed of folds, trees and the bootstrap.
        device: recorded only: the published LightGBM wheel grows trees on the CPU.
        precision: recorded only: trees have no mixed precision.
        report: told of each finished step.

    Returns:
        The evaluation; where no action was tried enough it says so, and the baseline alone is written.

    Raises:
        BadTrainingTableError: the table lacks a column, or names an action that there is none of.
    """
    began = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    tried = action_rows(rows)
    actions, untried = fit_actions(tried, config=config, seed=seed)
    report(Progress(message=f"learnt {len(actions)} actions", fraction=0.4))
    card: dict[str, Any] = {
        "chosen": CANDIDATE,
        "horizon_days": config.horizon_days,
        "rows": {"all": len(tried), **{name: int((tried.action == name).sum()) for name in sorted(set(tried.action))}},
        "campaigns": sorted(set(tried.campaign.tolist())),
        "actions": {name: _described(one) for name, one in actions.items()},
        "untried": dict(untried),
        "settings": asdict(config),
        "seed": seed,
        "device": "cpu",
        "asked_for": {"device": device, "precision": precision},
    }
    evaluation = _judged(tried, out_dir, config=config, seed=seed, card=card, is_possible=bool(actions))
    if evaluation.not_evaluable is None:
        model = NextBestAction(actions=actions, untried=untried, horizon_days=config.horizon_days)
        model.save(out_dir)
        write_results(out_dir, evaluation, card | {"train_seconds": round(time.monotonic() - began, 2)})
    baseline = same_for_everybody(actions, untried, horizon_days=config.horizon_days)
    baseline.save(out_dir / BASELINE_FOLDER)
    name = name_of(baseline)
    write_results(out_dir / BASELINE_FOLDER, evaluation.of_baseline(name), card | {"chosen": name})
    report(Progress(message=f"judged on {evaluation.cases} shoppers", fraction=1.0))
    return evaluation


def _judged(
    tried: ActionRows,
    out_dir: Path,
    *,
    config: NextBestActionConfig,
    seed: int,
    card: dict[str, Any],
    is_possible: bool,
) -> Evaluation:
    reason = None if is_possible else _why_impossible(tried, config)
    if reason is None:
        judged = judge(tried, config=config, seed=seed)
        if len(judged.rows):
            return evaluate(judged, config=config, seed=seed)
        reason = "no action was tried on enough shoppers to be learnt from some of them and judged on the others"
    return impossible(
        out_dir, family=FAMILY, primary_metric=PRIMARY_METRIC, protocol=PROTOCOL, reason=reason, card=card
    )


def _why_impossible(tried: ActionRows, config: NextBestActionConfig) -> str:
    if len(tried) == 0:
        return "no campaign with a hold-out is over, so nobody knows what an action adds"
    return f"no action was tried on {config.min_shoppers} shoppers, with {config.min_side} sent it and as many held out"


def _described(action: Any) -> dict[str, Any]:
    return {
        "learner": action.learner,
        "reason": action.reason,
        "campaigns": list(action.campaigns),
        "edges": list(action.edges),
        "parts": [asdict(part) for part in action.parts],
    }
