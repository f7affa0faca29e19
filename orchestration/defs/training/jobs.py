"""A search for better settings, which a person starts from the web UI; its trials are plotted as they end."""

from typing import TYPE_CHECKING, Final

import dagster as dg
from pydantic import Field

from models.progress import Progress
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.recommender.search import SearchResult, Trial

TRIALS: Final = dg.AssetKey("recommender_search_trials")


class Bounds(dg.Config):
    """How long to search."""

    trials: int = Field(default=12, ge=1, le=1_000, description="Trials there shall be, earlier ones among them.")
    minutes: float = Field(default=60, gt=0, description="No trial begins after so many minutes.")


@dg.op(description="Try settings of the recommender's transformer on the validation window; the test is not read.")
def search_settings(context: dg.OpExecutionContext, config: Bounds, settings: dg.ResourceParam[Settings]) -> None:
    """Search, and write each trial to the catalogue under `recommender_search_trials`."""
    import pyarrow.parquet as pq

    from models.recommender.config import for_size
    from models.recommender.search import search

    folder = settings.training_dir / "recommender"

    def tell(progress: Progress) -> None:
        context.log.info("%3.0f%% %s", 100 * progress.fraction, progress.message)

    def plot(trial: "Trial") -> None:
        figure = {} if trial.ndcg is None else {"validation ndcg@10": trial.ndcg}
        numbers = figure | {f"setting/{name}": float(value) for name, value in trial.settings.items()}
        context.log_event(
            dg.AssetMaterialization(
                asset_key=TRIALS,
                description=f"trial {trial.number + 1}" + (" (cut short)" if trial.ndcg is None else ""),
                metadata={**numbers, "seconds": trial.seconds},
            )
        )

    result = search(
        pq.read_table(folder / "training_set.parquet"),
        pq.read_table(folder / "items.parquet"),
        base=for_size(settings.training_size),
        folder=settings.training_dir / "recommender_search",
        trials=config.trials,
        minutes=config.minutes,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        report=tell,
        after=plot,
    )
    context.log_event(
        dg.AssetObservation(asset_key=TRIALS, metadata={"trials, best first": dg.MetadataValue.md(_table(result))})
    )
    context.log.info("best: %.4f with %s; shipped: %s", result.best.ndcg, result.best.settings, result.shipped.ndcg)


@dg.job(description="Search the recommender's settings within a bound of trials and minutes; nothing is changed by it.")
def search_recommender_settings() -> None:
    """Search once."""
    search_settings()


def _table(result: "SearchResult") -> str:
    names = list(result.best.settings)
    lines = ["| trial | validation NDCG@10 | seconds | " + " | ".join(names) + " |", "|---" * (len(names) + 3) + "|"]
    for trial in sorted(result.trials, key=lambda one: -(one.ndcg or 0.0)):
        figure = "cut short" if trial.ndcg is None else f"{trial.ndcg:.4f}"
        label = f"{trial.number + 1}" + (" (as shipped)" if trial.number == result.shipped.number else "")
        cells = [f"{trial.settings[name]:.3g}" for name in names]
        lines.append(f"| {label} | {figure} | {trial.seconds:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
