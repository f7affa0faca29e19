"""Settings of a search training run, and the presets of each training size."""

from dataclasses import dataclass

from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """What decides what a training run computes."""

    encoder: str = "use"
    """What reads meaning: a name of :func:`models.text.sentences.load_sentence_encoder`."""
    candidates: int = 100
    """Items that are taken of each source before they are ranked."""
    max_searches: int = 20_000
    """Newest searches that led to an item which are learnt from and judged on."""
    validation_share: float = 0.15
    """Share of the searches before the test that stop the trees, the newest of them."""
    test_share: float = 0.2
    """Share of the searches that judge, the newest."""
    min_searches: int = 200
    """Searches that led to an item of the catalogue, below which nothing is learnt."""
    folds: int = 5
    """Parts of the training searches; what is remembered of clicks is told to each from the others."""
    rounds: int = 300
    """Maximum number of trees."""
    learning_rate: float = 0.06
    num_leaves: int = 15
    min_rows_in_leaf: int = 50
    stop_after: int = 40
    """Trees without a better NDCG on the validation searches before growing stops."""
    resamples: int = 1_000
    """Bootstrap resamples behind each interval."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        if not (0 < self.validation_share < 1 and 0 < self.test_share < 1):
            raise ValueError("validation_share and test_share must lie between 0 and 1")
        if min(self.candidates, self.max_searches, self.min_searches, self.rounds, self.resamples) < 1:
            raise ValueError("candidates, max_searches, min_searches, rounds and resamples must be at least 1")
        if self.folds < 2:
            raise ValueError("folds must be at least 2: what is remembered is told from the other ones")


def for_size(size: Size, *, encoder: str = "use") -> SearchConfig:
    """Return the settings of a training size."""
    if size == "tiny":
        return SearchConfig(encoder=encoder, candidates=40, max_searches=600, min_searches=60, rounds=60)
    if size == "small":
        return SearchConfig(encoder=encoder, candidates=60, max_searches=4_000)
    return SearchConfig(encoder=encoder)
