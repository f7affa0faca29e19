"""A bounded search for the transformer's settings: validation judges, the test window is never read.

Trials are kept in a journal beside the training set: a search that was stopped goes on, and a later one learns from it.
Source of the sampler: Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (2011).
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from models.device import new_accelerator
from models.progress import Progress, ReportProgress
from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Interactions, item_attributes
from models.recommender.linear.item_knn import cooccurrence
from models.recommender.train import windows
from models.recommender.transformer.model import TransformerConfig
from models.recommender.views import Run, fit_sequence
from shopsight.errors import ShopsightError

OBJECTIVE: Final = "validation ndcg@10"
UNPRUNED_TRIALS: Final = 4
"""So many trials run to their end before one is cut short for being behind them."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training with its settings."""

    number: int
    settings: dict[str, float]
    ndcg: float | None
    """Best validation NDCG@10 of its epochs; None where the trial was cut short."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found."""

    trials: tuple[Trial, ...]
    best: Trial
    shipped: Trial
    """The first trial: the settings as they are shipped."""


def search(
    interactions: pa.Table,
    items: pa.Table,
    *,
    base: RecommenderConfig,
    folder: Path,
    trials: int,
    minutes: float,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
    after: Callable[[Trial], None],
) -> SearchResult:
    """Try settings of one transformer until ``trials`` are there or ``minutes`` are over, the shipped ones first.

    Args:
        interactions: the mart of that name.
        items: the mart of that name.
        base: what is not searched stays as it is here.
        folder: holds the journal of trials; made if need be.
        trials: how many there shall be, those of an earlier search of the same data and base among them.
        minutes: no trial begins later than this.
        seed: of the sampler and of every training.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32 or bf16.
        report: told of every epoch.
        after: told of every trial that ended now.

    Raises:
        ShopsightError: Optuna is not installed, or the shop is too small to judge anything.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise ShopsightError(
            "cannot search for settings",
            why="Optuna is not installed",
            fix="install the extra: pip install 'shopsight[search]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    base = replace(base, transformer=replace(base.transformer, members=1, random_starts=0))
    window, _ = windows(Interactions.from_tables(interactions, items), base, seed)
    users = len({case.user for case in window.cases})
    if users < base.evaluation.min_users:
        raise ShopsightError(
            "cannot search for settings",
            why=f"{users} shoppers can be measured, and {base.evaluation.min_users} are needed",
            fix="import more behaviour first",
        )
    accelerator = new_accelerator(device, precision)

    def run_of(config: RecommenderConfig) -> Run:
        return Run(config=config, seed=seed, accelerator=accelerator, checkpoints=folder)

    attributes_NA = item_attributes(items, window.train.item_ids)
    similarity = cooccurrence(window.train, base.item_knn)
    study = optuna.create_study(
        study_name=f"{len(window.train)} interactions, {users} shoppers, {base.transformer}, seed {seed}",
        storage=JournalStorage(JournalFileBackend(str(folder / "trials.journal"))),
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=1),
    )
    # Seeded alike, a search that goes on would draw the trials of the one before it again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    if not study.get_trials(states=finished):
        study.enqueue_trial(_point(base.transformer))

    def objective(trial: "optuna.Trial") -> float:
        settings = suggest(trial, base.transformer)

        def judge(progress: Progress) -> None:
            report(replace(progress, message=f"trial {trial.number + 1} of {trials}: {progress.message}"))
            if OBJECTIVE in progress.metrics:
                trial.report(progress.metrics[OBJECTIVE], step=round(progress.fraction * settings.epochs))
                if trial.should_prune():
                    raise optuna.TrialPruned

        try:
            fitted = fit_sequence(
                window.train,
                attributes_NA,
                similarity,
                run_of(replace(base, transformer=settings)),
                phase=f"trial-{trial.number}",
                epochs=settings.epochs,
                stop_on=window.cases,
                report=judge,
            )
        finally:
            (folder / f"trial-{trial.number}.safetensors").unlink(missing_ok=True)
        return max(fitted.validation)

    deadline = time.monotonic() + 60 * minutes
    while len(study.get_trials(deepcopy=False, states=finished)) < trials and time.monotonic() < deadline:
        study.optimize(objective, n_trials=1)
        after(_trial(study.trials[-1]))
    all_trials = tuple(_trial(one) for one in study.get_trials(states=finished))
    complete = [one for one in all_trials if one.ndcg is not None]
    return SearchResult(trials=all_trials, best=max(complete, key=lambda one: one.ndcg or 0.0), shipped=complete[0])


def suggest(trial: Any, base: TransformerConfig) -> TransformerConfig:
    """Return the settings of a trial: the rest stays as it is in ``base``."""
    return replace(
        base,
        learning_rate=trial.suggest_float("learning_rate", 5e-4, 2e-2, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.7),
        hidden_size=trial.suggest_categorical(
            "hidden_size", (base.hidden_size // 2, base.hidden_size, 2 * base.hidden_size)
        ),
        num_layers=trial.suggest_int("num_layers", 1, 2),
        interaction_dropout=trial.suggest_float("interaction_dropout", 0.0, 0.4),
        weight_decay=trial.suggest_float("weight_decay", 1e-4, 1e-1, log=True),
    )


def _point(config: TransformerConfig) -> dict[str, Any]:
    searched = ("learning_rate", "dropout", "hidden_size", "num_layers", "interaction_dropout", "weight_decay")
    return {name: value for name, value in asdict(config).items() if name in searched}


def _trial(one: Any) -> Trial:
    return Trial(
        number=one.number,
        settings=dict(one.params),
        # A trial that was cut short has its last figure as value.
        ndcg=one.value if one.state.name == "COMPLETE" else None,
        seconds=one.duration.total_seconds(),
    )
