"""Train every contender, let validation choose, measure once, refit the choice on everything and write the candidate.

Called as :func:`train`, or in several processes by ``accelerate launch -m models.recommender.train``.
"""

import argparse
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.device import new_accelerator
from models.evaluation.results import Evaluation
from models.progress import Progress, ReportProgress
from models.recommender.artefact import catalogue_table, write_artefact
from models.recommender.card import model_card, protocol_text
from models.recommender.cold_items import ColdItems
from models.recommender.config import RecommenderConfig, for_size
from models.recommender.dataset import Interactions, Window, window
from models.recommender.ensemble import TrainedEnsemble
from models.recommender.evaluate import (
    PRIMARY_METRIC,
    Weights,
    blends,
    estimates,
    gain,
    mean_ndcg,
    rank_cases,
    slices,
)
from models.recommender.fitting import (
    Run,
    choose_cold_items,
    cold_features,
    fit_cold_items,
    fit_constants,
    fit_lists,
    fit_neighbours,
    fit_pairs,
    fit_sequence,
    in_phase,
    similarity_of,
)
from models.recommender.scoring import Scorer
from models.recommender.sequence_scorer import SequenceScorer
from shopsight.settings import SIZES

FAMILY = "recommender"
DUMB = ("popularity", "popularity_recent")
"""Baselines that a candidate must beat: they know nobody."""
BLENDED = ("transformer", "ease", "item_knn", "popularity_recent")
"""Contenders whose scores are added up, in this order."""
ALONE: Mapping[str, Weights] = {name: {name: 1.0} for name in ("popularity", *BLENDED)}


def train(
    interactions: pa.Table,
    items: pa.Table,
    *,
    config: RecommenderConfig,
    out_dir: Path,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
) -> Evaluation:
    """Train the recommender and write a candidate into ``out_dir``.

    The contenders are fitted three times with the same settings: on what precedes the validation window (blend weights
    and the number of epochs are chosen there), on what precedes the test window (every figure comes from that one
    measurement), and, for the chosen one alone, on everything: a third of the items that RetailRocket's shoppers touch
    in a test window did not exist before it, and serving the measured weights would leave them all out.

    Args:
        interactions: the ``interactions`` mart.
        items: the ``items`` mart.
        config: from :func:`models.recommender.config.for_size`.
        out_dir: made if need be; a killed run leaves ``checkpoints/`` in it, and the next one continues from there.
        seed: of weights, orders, samples and resamples.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32 or bf16.
        report: told of every epoch and phase.

    Raises:
        DeviceUnavailableError: the device or precision is not there.
        UnknownBehaviourError: an event name that the recommender does not know.
    """
    started = time.perf_counter()
    run = Run(
        items=items,
        config=config,
        seed=seed,
        accelerator=new_accelerator(device, precision),
        checkpoints=out_dir / "checkpoints",
    )
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    data = Interactions.from_tables(interactions, items)
    validation, test = windows(data, config, seed)
    measurable = min(len(np.unique(_users(validation))), len(np.unique(_users(test))))
    if measurable < config.evaluation.min_users:
        reason = (
            f"{measurable} measurable users in the smaller of the validation and test windows; "
            f"{config.evaluation.min_users} are needed"
        )
        return _without_candidate(run, data, out_dir, reason, started)

    choice = _choose(validation, run, report)
    evaluation = _measure(test, run, choice, report)
    sequence, cold = None, None
    if "transformer" in choice.weights:
        serving = in_phase(report, "serving", 0.75, 0.95)
        sequence = _transformer(data, run, phase="serving", epochs=choice.transformer.epochs, report=serving)
        features = cold_features(data, run)
        if features is not None:
            ranked = choose_cold_items(data, features, validation, choice.transformer.scorer, run)
            cold = fit_cold_items(data, features, sequence, run, choice=ranked)
    card = _card(run, data, started) | {
        "targets": {"validation": dict(validation.counts), "test": dict(test.counts)},
        "weights": dict(choice.weights),
        "transformer": {
            "epochs": list(choice.transformer.epochs),
            "losses": choice.transformer.losses,
            "validation ndcg@10": choice.transformer.validation,
        },
        "contenders on validation": dict(choice.on_validation),
        "cold items": dict(cold.report) if cold else "none: every item was touched, or no item vectors are served",
        "served weights": "the chosen contender, fitted again on all data with the same settings and epochs",
    }
    _write(run, data, out_dir, choice.candidate, choice.weights, sequence, evaluation, card, cold=cold)
    report(Progress(message=f"wrote the candidate {choice.candidate}", fraction=1.0))
    return evaluation


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """What validation decided."""

    weights: Weights
    transformer: TrainedEnsemble
    on_validation: Mapping[str, float]
    """NDCG@10 of every contender alone, and of the chosen one."""

    @property
    def candidate(self) -> str:
        return "+".join(self.weights)


def windows(data: Interactions, config: RecommenderConfig, seed: int) -> tuple[Window, Window]:
    """Return the validation and the test window; both are empty where there is no data."""
    settings = config.evaluation
    if len(data) == 0:
        nothing = Window(train=data, cases=[], counts={})
        return nothing, nothing
    starts = data.quantile_time(settings.validation_quantile), data.quantile_time(settings.test_quantile)
    first, second = (
        window(
            data,
            start=start,
            end=end,
            max_targets_per_user=settings.max_targets_per_user,
            max_targets=settings.max_targets,
            max_users=settings.max_users,
            seed=seed,
        )
        for start, end in ((starts[0], starts[1]), (starts[1], float("inf")))
    )
    return first, second


def _choose(validation: Window, run: Run, report: ReportProgress) -> _Choice:
    """Fit everything before the validation window and compare all contenders and blends on it."""
    report(Progress(message="fitting popularity, item-kNN and EASE before the validation window", fraction=0.0))
    data = validation.train
    similarity = similarity_of(data, run)
    scorers: dict[str, Scorer] = {**fit_constants(data, run)}
    scorers |= fit_neighbours(data, similarity, run, names=("item_knn", "ease"))
    transformer = fit_sequence(
        data,
        similarity,
        run,
        phase="validation",
        epochs=run.config.transformer.epochs,
        cases=validation.cases,
        report=in_phase(report, "choosing", 0.05, 0.4),
    )
    scorers["transformer"] = transformer.scorer
    contenders = {**ALONE, **blends(BLENDED, run.config.evaluation.weight_step)}
    ranked = rank_cases(scorers, contenders, validation.cases, lists=False)
    found = {name: mean_ndcg(one, _users(validation)) for name, one in ranked.items()}
    best = max(contenders, key=lambda name: found[name])
    report(Progress(message=f"validation chose {best}", fraction=0.5, metrics={PRIMARY_METRIC: found[best]}))
    return _Choice(
        weights=contenders[best],
        transformer=transformer,
        on_validation={name: found[name] for name in (*ALONE, best)},
    )


def _measure(test: Window, run: Run, choice: _Choice, report: ReportProgress) -> Evaluation:
    """Fit everything before the test window with the chosen settings and rank the test targets, once."""
    data, settings = test.train, run.config.evaluation
    scorers: dict[str, Scorer] = {**fit_constants(data, run)}
    scorers |= fit_neighbours(data, similarity_of(data, run), run, names=("item_knn", "ease"))
    scorers["transformer"] = _transformer(
        data,
        run,
        phase="test",
        epochs=choice.transformer.epochs,
        report=in_phase(report, "measuring", 0.5, 0.7),
    )
    users_C, candidate = _users(test), choice.candidate
    ranked = rank_cases(scorers, {**ALONE, candidate: choice.weights}, test.cases, lists=True)
    sure = {"seed": run.seed, "resamples": settings.resamples}
    figures = {name: estimates(one, users_C, catalogue_size=data.items, **sure) for name, one in ranked.items()}
    report(
        Progress(
            message=f"{candidate}: {PRIMARY_METRIC} {figures[candidate][PRIMARY_METRIC]}",
            fraction=0.75,
            metrics={name: estimate.value for name, estimate in figures[candidate].items()},
        )
    )
    return Evaluation(
        family=FAMILY,
        candidate=candidate,
        primary_metric=PRIMARY_METRIC,
        protocol=protocol_text(run.config, test.counts),
        cases=len(np.unique(users_C)),
        metrics=figures[candidate],
        baselines={name: found for name, found in figures.items() if name != candidate},
        gains={name: gain(ranked[candidate], ranked[name], users_C, **sure) for name in DUMB},
        slices={
            name: estimates(ranked[candidate].only(members), users_C[members], catalogue_size=None, **sure)
            for name, members in slices(test.cases).items()
        },
    )


def _transformer(
    data: Interactions, run: Run, *, phase: str, epochs: Sequence[int], report: ReportProgress
) -> SequenceScorer:
    """Fit the transformer again with as many epochs as validation chose."""
    similarity = similarity_of(data, run)
    return fit_sequence(data, similarity, run, phase=phase, epochs=epochs, cases=(), report=report).scorer


def _without_candidate(run: Run, data: Interactions, out_dir: Path, reason: str, started: float) -> Evaluation:
    """Write popularity, which can be looked at but not approved, and say why."""
    evaluation = Evaluation.impossible(
        family=FAMILY, primary_metric=PRIMARY_METRIC, protocol=protocol_text(run.config, None), reason=reason
    )
    card = _card(run, data, started) | {"not_evaluable": reason}
    _write(run, data, out_dir, "popularity_recent", {"popularity_recent": 1.0}, None, evaluation, card)
    return evaluation


def _write(
    run: Run,
    data: Interactions,
    out_dir: Path,
    candidate: str,
    weights: Weights,
    sequence: SequenceScorer | None,
    evaluation: Evaluation,
    card: Mapping[str, Any],
    *,
    cold: ColdItems | None = None,
) -> None:
    if run.accelerator.is_main_process:
        # Item-kNN always: similar items need it, whatever was chosen.
        names = ("item_knn", *weights)
        write_artefact(
            out_dir,
            candidate=candidate,
            weights=weights,
            catalogue=catalogue_table(run.items, data.item_ids),
            constants=fit_constants(data, run) | fit_lists(data, run),
            neighbours=fit_neighbours(data, similarity_of(data, run), run, names=names) | fit_pairs(data, run),
            sequence=sequence,
            cold=cold,
        )
        evaluation.write(out_dir / "evaluation.json")
        (out_dir / "card.json").write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")
        shutil.rmtree(run.checkpoints)
    run.accelerator.wait_for_everyone()


def _card(run: Run, data: Interactions, started: float) -> dict[str, Any]:
    seconds = time.perf_counter() - started
    return model_card(data, run.config, seed=run.seed, accelerator=run.accelerator, seconds=seconds)


def _users(measured: Window) -> NDArray[np.int64]:
    return np.array([case.user for case in measured.cases], dtype=np.int64)


def main() -> None:
    """Train from two Parquet files; ``accelerate launch`` starts it in several processes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--interactions", type=Path, required=True, help="the interactions mart, as Parquet")
    parser.add_argument("--items", type=Path, required=True, help="the items mart, as Parquet")
    parser.add_argument("--out", type=Path, required=True, help="folder of the candidate")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()

    def show(progress: Progress) -> None:
        print(f"{progress.fraction:4.0%} {progress.message}", flush=True)  # noqa: T201 - a command's output

    train(
        pq.read_table(arguments.interactions),
        pq.read_table(arguments.items),
        config=for_size(arguments.size),
        out_dir=arguments.out,
        seed=arguments.seed,
        device=arguments.device,
        precision=arguments.precision,
        report=show,
    )


if __name__ == "__main__":
    main()
