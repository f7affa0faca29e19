"""What stands beside the candidate in every protocol, each alone."""

from benchmarks.recommendation.contenders.als import AlsConfig, fit_als
from benchmarks.recommendation.contenders.last_viewed import fit_last_viewed
from models.recommender.baselines import plain_popularity
from models.recommender.dataset import Interactions
from models.recommender.scoring import Scorer
from models.recommender.views import VIEWS, Run

BASELINES = (*VIEWS, "popularity", "last_viewed", "als")
"""The views that are blended, plain popularity, co-visitation with the last item, and implicit ALS."""


def fit_baselines(train: Interactions, run: Run) -> dict[str, Scorer]:
    """Return the baselines that are no views."""
    return {
        "popularity": plain_popularity(train),
        "last_viewed": fit_last_viewed(train, run.config.item_knn),
        "als": fit_als(train, AlsConfig(), seed=run.seed),
    }
