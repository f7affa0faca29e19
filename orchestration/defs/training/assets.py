"""Candidate models, one asset per family: contenders are trained, validation chooses, the test split is read once."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from models.evaluation.curves import Curves
from models.evaluation.results import Evaluation
from models.progress import Progress, ReportProgress
from models.training import BASELINE_FOLDER
from orchestration.charts import curves_metadata, intent_pictures
from orchestration.metadata import OWNER, evaluation_table, metric_metadata
from shopsight.families import FAMILIES, Family, resolve
from shopsight.settings import Settings


@dg.asset(group_name="models/training", kinds={"pytorch"}, owners=[OWNER], deps=["recommender_training_set"])
def recommender_candidate(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[None]:
    """A causal transformer, EASE, item-kNN and their sums over shoppers' histories; validation prefers one.

    The transformer is trained from scratch and from the champion's weights; validation prefers one here, too.
    """
    import pyarrow.parquet as pq

    from models.recommender.config import for_size
    from models.recommender.train import train
    from models.registry.registry import ModelRegistry

    folder = settings.training_dir / "recommender"
    champion = ModelRegistry.of(settings).champion("recommender")
    evaluation = train(
        pq.read_table(folder / "training_set.parquet"),
        pq.read_table(folder / "items.parquet"),
        config=for_size(settings.training_size, encoder=settings.encoder),
        out_dir=_empty(folder / "candidate"),
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        report=_report_to(context),
        champion=champion.path if champion is not None else None,
    )
    return _trained(evaluation, folder / "candidate")


@dg.asset(group_name="models/training", kinds={"scikitlearn"}, owners=[OWNER], deps=["intent_training_set"])
def intent_candidate(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[None]:
    """A layer over sentence vectors that tells what a shopper means: one of five intents, calibrated.

    With it goes the tone of reviews, learnt from the shop's stars where that beats a word list. Of a shop without a
    text nothing is trained.
    """
    import pyarrow.parquet as pq

    from models.intent.config import for_size
    from models.intent.train import train, without_texts
    from shopsight.labelled_texts import read_labels

    folder = settings.training_dir / "intent"
    out_dir = _empty(folder / "candidate")
    config = for_size(
        settings.training_size, encoder=settings.sentence_encoder, answer_precision=settings.answer_precision
    )
    utterances, labels = pq.read_table(folder / "training_set.parquet"), read_labels(settings.labels_path)
    if not utterances.num_rows and not labels.num_rows:
        return _trained(without_texts(config=config, out_dir=out_dir, seed=settings.seed), out_dir)
    evaluation = train(
        utterances,
        reviews=pq.read_table(folder / "reviews.parquet"),
        labels=labels,
        config=config,
        out_dir=out_dir,
        seed=settings.seed,
        report=_report_to(context),
    )
    confusion = json.loads((out_dir / "confusion.json").read_text())
    return _trained(evaluation, out_dir, pictures=intent_pictures(confusion))


@dg.asset(group_name="models/training", kinds={"lightgbm"}, owners=[OWNER], deps=["search_training_set"])
def search_candidate(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[None]:
    """A ranker of search results by words, meaning and earlier clicks, beside BM25 and meaning alone."""
    import pyarrow.parquet as pq

    from models.search.config import for_size
    from models.search.train import SearchTables, train

    folder = settings.training_dir / "search"
    out_dir = _empty(folder / "candidate")
    evaluation = train(
        SearchTables(
            searches=pq.read_table(folder / "training_set.parquet"),
            items=pq.read_table(folder / "items.parquet"),
            demand=pq.read_table(folder / "demand.parquet"),
            interactions=pq.read_table(folder / "interactions.parquet"),
        ),
        config=for_size(settings.training_size, encoder=settings.sentence_encoder),
        out_dir=out_dir,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        report=_report_to(context),
    )
    return _trained(evaluation, out_dir)


def tabular_candidate(family: Family, description: str) -> dg.AssetsDefinition:
    """Return the asset that trains a family whose training set is one table of features and labels."""

    @dg.asset(
        name=f"{family.name}_candidate",
        group_name="models/training",
        kinds={"lightgbm"},
        owners=[OWNER],
        deps=[f"{family.name}_training_set"],
        description=description,
    )
    def candidate(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult[None]:
        import pyarrow.parquet as pq

        folder = settings.training_dir / family.name
        evaluation = resolve(family.train)(
            pq.read_table(folder / "training_set.parquet"),
            config=resolve(family.config)(settings.training_size),
            out_dir=_empty(folder / "candidate"),
            seed=settings.seed,
            device=settings.device,
            precision=settings.precision,
            report=_report_to(context),
        )
        return _trained(evaluation, folder / "candidate")

    return candidate


candidates = [
    tabular_candidate(family, family.training.candidate_description) for family in FAMILIES.values() if family.training
]
next_best_action_candidate = tabular_candidate(
    FAMILIES["next_best_action"],
    "What each action that campaigns tried adds, for shoppers of about the same expected effect; nothing where that is "
    "not sure.",
)


def _report_to(context: dg.AssetExecutionContext) -> ReportProgress:
    """Return a reporter that logs each step of the training and plots its figures while it runs."""

    def report(progress: Progress) -> None:
        context.log.info("%3.0f%% %s", 100 * progress.fraction, progress.message)
        if progress.metrics:
            metadata = {name: float(value) for name, value in progress.metrics.items()}
            context.log_event(dg.AssetObservation(asset_key=context.asset_key, metadata=metadata))

    return report


def _empty(folder: Path) -> Path:
    """Return the folder, emptied, its baseline gone, too: a candidate never mixes files of two runs."""
    for old in (folder, folder.with_name(BASELINE_FOLDER)):
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _trained(
    evaluation: Evaluation, folder: Path, *, pictures: Mapping[str, dg.MarkdownMetadataValue] | None = None
) -> dg.MaterializeResult[None]:
    # The registry takes the candidate's folder as it is: the baseline waits beside it.
    if (folder / BASELINE_FOLDER).exists():
        (folder / BASELINE_FOLDER).rename(folder.with_name(BASELINE_FOLDER))
    return dg.MaterializeResult(
        metadata={
            **metric_metadata(evaluation.metrics, first=evaluation.primary_metric),
            "chosen": evaluation.candidate,
            "side by side": evaluation_table(evaluation),
            **curves_metadata(Curves.read(folder)),
            **(pictures or {}),
            "path": dg.MetadataValue.path(folder),
        }
    )
