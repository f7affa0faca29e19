"""Train every contender, let validation choose, measure once, refit the choice on everything and write the candidate.

Called as :func:`train`, or in several processes by ``accelerate launch -m models.recommender.train``.
"""

import argparse
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.device import new_accelerator
from models.evaluation.results import Evaluation
from models.progress import Progress, ReportProgress, ignore_progress
from models.recommender.artefact import catalogue_table, write_artefact
from models.recommender.baselines import fit_lists, plain_popularity
from models.recommender.card import model_card, protocol_text
from models.recommender.choice import Choice, choose, fit
from models.recommender.cold.fit import choose_cold_items, cold_features, fit_cold_items
from models.recommender.cold.items import ColdItems
from models.recommender.config import RecommenderConfig, for_size
from models.recommender.dataset import Interactions, Window, window
from models.recommender.evaluate import PRIMARY_METRIC, Weights, estimates, gain, mean_ndcg, rank_cases, slices
from models.recommender.incumbent import measure_incumbent
from models.recommender.linear.pairs import fit_together
from models.recommender.repeats import usual_intervals
from models.recommender.scoring import Constant, Neighbours, Scorer
from models.recommender.sentinels import check_run
from models.recommender.views import VIEWS, Run, Views
from models.training import BASELINE_FOLDER, beside_file, write_results
from shopsight.settings import SIZES

FAMILY = "recommender"
IMPERSONAL = ("popularity", "popularity_recent")
"""Baselines that a candidate must beat: they read nothing of a shopper."""
ALONE: Mapping[str, Weights] = {name: {name: 1.0} for name in ("popularity", *VIEWS)}
"""Contenders that are judged beside the candidate: each view, and plain popularity."""


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
    champion: Path | None = None,
) -> Evaluation:
    """Train the recommender and write a candidate into ``out_dir``.

    The contenders are fitted three times with the same settings: on what precedes the validation window (blend weights
    and the number of epochs are chosen there), on what precedes the test window (every figure comes from that one
    measurement), and, for the chosen one alone, on everything: a third of the items that RetailRocket's shoppers see
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
        champion: folder of the model that serves: the transformer is trained from its weights as well as from scratch,
            and the better of the two on the validation window is the candidate's. Where it was trained before the test
            window began, it is measured on that, too.

    Raises:
        DeviceUnavailableError: the device or precision is not there.
        UnknownBehaviourError: an event name that the recommender does not know.
        SentinelTrippedError: the data or the split gives the answer away.
    """
    started = time.perf_counter()
    checkpoints = out_dir / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    run = Run(config=config, seed=seed, accelerator=new_accelerator(device, precision), checkpoints=checkpoints)
    data = Interactions.from_tables(interactions, items)
    validation, test = windows(data, config, seed)
    measurable = min(len(np.unique(_users(validation))), len(np.unique(_users(test))))
    if measurable < config.evaluation.min_users:
        reason = (
            f"{measurable} measurable users in the smaller of the validation and test windows; "
            f"{config.evaluation.min_users} are needed"
        )
        return _without_candidate(run, data, items, out_dir, reason, started)

    cutoff = data.quantile_time(config.evaluation.validation_quantile)
    report(Progress(message="fitting all views before the validation window", fraction=0.0))
    choice = choose(
        validation, items, run, cutoff=cutoff, champion=champion, report=_in_phase(report, "choosing", 0.05, 0.5)
    )
    readings = check_run(
        validation,
        choice.scorers,
        choice.blend.weights,
        cutoff=cutoff,
        seed=seed,
    )
    report(Progress(message="sentinels are quiet", fraction=0.5))
    evaluation = _measure(test, items, run, choice, report)
    incumbent = champion and measure_incumbent(
        champion,
        test,
        _users(test),
        cutoff=data.quantile_time(config.evaluation.test_quantile),
        config=config.evaluation,
        seed=seed,
    )
    views = fit(
        data,
        items,
        run,
        phase="serving",
        epochs=choice.transformer.epochs,
        # Item-kNN always: similar items need it, whatever was chosen.
        names=("item_knn", *choice.blend.weights),
        report=_in_phase(report, "serving", 0.75, 0.95),
        start=choice.start,
    )
    cold = _cold_items(data, items, views, validation, choice, run)
    card = _card(run, data, started) | {
        "targets": {"validation": dict(validation.counts), "test": dict(test.counts)},
        "weights": dict(choice.blend.weights),
        "transformer": {
            "epochs": list(choice.transformer.epochs),
            "losses": choice.transformer.losses,
            "validation ndcg@10": choice.transformer.validation,
        },
        "begun": choice.begun,
        "contenders on validation": {**choice.blend.alone, choice.blend.name: choice.blend.ndcg},
        "sentinels": [asdict(reading) for reading in readings],
        "cold items": dict(cold.report) if cold else "none: every item has shoppers, or no item vectors are served",
        "served weights": "the chosen contender, fitted again on all data with the same settings and epochs",
    }
    baseline = _best_baseline(validation, choice.scorers)
    if run.accelerator.is_main_process:
        shelves = _Shelves.of(run, data, items, views)
        shelves.write(out_dir, choice.blend.weights, views=views, cold=cold)
        choice.beginning.write(out_dir)
        if champion and incumbent:
            incumbent.write(out_dir / beside_file(champion.name))
        write_results(out_dir, evaluation, card)
        _write_baseline(out_dir, baseline, shelves, evaluation, _card(run, data, started))
        shutil.rmtree(checkpoints)
    run.accelerator.wait_for_everyone()
    report(Progress(message=f"wrote the candidate {choice.blend.name}", fraction=1.0))
    return evaluation


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


def _measure(test: Window, items: pa.Table, run: Run, choice: Choice, report: ReportProgress) -> Evaluation:
    """Fit everything before the test window with the chosen settings and rank the test targets, once."""
    data, settings = test.train, run.config.evaluation
    views = fit(
        data,
        items,
        run,
        phase="test",
        epochs=choice.transformer.epochs,
        report=_in_phase(report, "measuring", 0.5, 0.7),
        start=choice.start,
    )
    scorers: dict[str, Scorer] = {"popularity": plain_popularity(data), **views.scorers}
    users_C, candidate = _users(test), choice.blend.name
    ranked = rank_cases(scorers, {**ALONE, candidate: choice.blend.weights}, test.cases, lists=True)
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
        baselines={name: metrics for name, metrics in figures.items() if name != candidate},
        gains={name: gain(ranked[candidate], ranked[name], users_C, **sure) for name in IMPERSONAL},
        slices={
            name: estimates(ranked[candidate].only(members), users_C[members], catalogue_size=None, **sure)
            for name, members in slices(test.cases).items()
        },
    )


def _cold_items(
    data: Interactions, items: pa.Table, views: Views, validation: Window, choice: Choice, run: Run
) -> ColdItems | None:
    """Return the vectors of items without shoppers; None where there is no such item, or no vector is served."""
    features = cold_features(data, items, run) if views.transformer else None
    if features is None or views.transformer is None:
        return None
    ranked = choose_cold_items(data, features, validation, choice.transformer.scorer, run)
    return fit_cold_items(data, features, views.transformer.scorer, run, choice=ranked)


def _without_candidate(
    run: Run, data: Interactions, items: pa.Table, out_dir: Path, reason: str, started: float
) -> Evaluation:
    """Say why there is no model, and write the baseline that stands in, where anything happened yet."""
    evaluation = Evaluation.impossible(
        family=FAMILY, primary_metric=PRIMARY_METRIC, protocol=protocol_text(run.config, None), reason=reason
    )
    views = fit(data, items, run, phase="serving", epochs=0, names=("item_knn",), report=ignore_progress)
    if run.accelerator.is_main_process:
        card = _card(run, data, started) | {"not_trained": reason}
        write_results(out_dir, evaluation, card)
        if len(data):
            _write_baseline(out_dir, "popularity_recent", _Shelves.of(run, data, items, views), evaluation, card)
        shutil.rmtree(out_dir / "checkpoints")
    run.accelerator.wait_for_everyone()
    return evaluation


def _best_baseline(validation: Window, scorers: Mapping[str, Scorer]) -> str:
    """Return the baseline that ranks the validation targets best; of equals, the simpler one."""
    ranked = rank_cases(
        {"popularity": plain_popularity(validation.train), **scorers},
        {name: ALONE[name] for name in IMPERSONAL},
        validation.cases,
        lists=False,
    )
    return max(IMPERSONAL, key=lambda name: mean_ndcg(ranked[name], _users(validation)))


@dataclass(frozen=True, kw_only=True)
class _Shelves:
    """What a model and the baseline that stands in for it have in common: the items, and lists that need no shopper."""

    catalogue: pa.Table
    constants: Mapping[str, Constant]
    neighbours: Mapping[str, Neighbours]

    @classmethod
    def of(cls, run: Run, data: Interactions, items: pa.Table, views: Views) -> "_Shelves":
        catalogue = catalogue_table(items, data.item_ids)
        intervals_N = usual_intervals(data, catalogue["category"].to_pylist())
        return cls(
            catalogue=catalogue,
            constants={**fit_lists(data, run.config.popularity), "usual_days": Constant(scores_N=intervals_N)},
            neighbours={
                "item_knn": views.neighbours["item_knn"],
                "viewed_together": fit_together(data, "view_item", run.config.viewed_together),
                "bought_together": fit_together(data, "purchase", run.config.bought_together),
            },
        )

    def write(
        self, out_dir: Path, weights: Weights, *, views: Views | None = None, cold: ColdItems | None = None
    ) -> None:
        """Write the artefact; ``views`` are those of ``weights``, where they are more than these lists."""
        write_artefact(
            out_dir,
            candidate="+".join(weights),
            weights=weights,
            catalogue=self.catalogue,
            constants=self.constants,
            neighbours={**self.neighbours, **(views.neighbours if views else {})},
            sequence=views.transformer.scorer if views and views.transformer else None,
            cold=cold,
        )


def _write_baseline(
    out_dir: Path, name: str, shelves: _Shelves, evaluation: Evaluation, card: Mapping[str, Any]
) -> None:
    """Write the baseline that stands in where the gate refuses the model."""
    folder = out_dir / BASELINE_FOLDER
    folder.mkdir(exist_ok=True)
    shelves.write(folder, ALONE[name])
    write_results(folder, evaluation.of_baseline(name), card)


def _card(run: Run, data: Interactions, started: float) -> dict[str, Any]:
    seconds = time.perf_counter() - started
    return model_card(data, run.config, seed=run.seed, accelerator=run.accelerator, seconds=seconds)


def _in_phase(report: ReportProgress, phase: str, start: float, end: float) -> ReportProgress:
    """Return a reporter for a part of the run that goes from ``start`` to ``end`` of the whole."""

    def scaled(progress: Progress) -> None:
        report(
            Progress(
                message=f"{phase}: {progress.message}",
                fraction=start + (end - start) * progress.fraction,
                metrics=progress.metrics,
            )
        )

    return scaled


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
