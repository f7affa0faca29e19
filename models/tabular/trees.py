"""Gradient boosted trees, the one way every model of rows and columns grows them: two runs of one seed are equal.

Source: G. Ke et al., "LightGBM", NIPS 30 (2017).
"""

import lightgbm as lgb


def tree_parameters(
    objective: dict[str, object],
    *,
    learning_rate: float,
    num_leaves: int,
    min_rows_in_leaf: int,
    l2: float,
    feature_fraction: float = 1.0,
    bagging_fraction: float = 1.0,
    threads: int,
    seed: int,
) -> dict[str, object]:
    """Return LightGBM's parameters; row-wise histograms and one seed make two runs grow the same trees.

    Args:
        objective: ``{"objective": ...}`` with what belongs to it, such as ``alpha`` of a quantile.
        learning_rate: shrinkage of each tree.
        num_leaves: leaves of a tree.
        min_rows_in_leaf: rows that a leaf has at least.
        l2: penalty on leaf values.
        feature_fraction: share of the columns that each tree may use.
        bagging_fraction: share of the rows that each tree sees.
        threads: threads that the trees grow with.
        seed: seed of the draws of columns and rows.
    """
    bagging = {"bagging_fraction": bagging_fraction, "bagging_freq": 1} if bagging_fraction < 1.0 else {}
    return (
        objective
        | bagging
        | {
            "learning_rate": learning_rate,
            "num_leaves": num_leaves,
            "min_data_in_leaf": min_rows_in_leaf,
            "lambda_l2": l2,
            "feature_fraction": feature_fraction,
            "num_threads": threads,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
    )


def grow_trees(
    parameters: dict[str, object],
    train: lgb.Dataset,
    *,
    max_rounds: int,
    validation: lgb.Dataset | None = None,
    early_stopping_rounds: int | None = None,
) -> lgb.Booster:
    """Grow trees: a fixed number, or until the loss on ``validation`` stops falling.

    Args:
        parameters: see :func:`tree_parameters`.
        train: rows to learn from.
        max_rounds: trees to grow, at most where there is a validation side.
        validation: rows that stop the growth.
        early_stopping_rounds: trees without a lower loss on ``validation`` before growing stops.

    Raises:
        ValueError: there is a validation side without a rule when to stop, or the other way round.
    """
    if (validation is None) != (early_stopping_rounds is None):
        raise ValueError("validation and early_stopping_rounds go together")
    if validation is None or early_stopping_rounds is None:
        return lgb.train(parameters, train, num_boost_round=max_rounds)
    return lgb.train(
        parameters,
        train,
        num_boost_round=max_rounds,
        valid_sets=[validation],
        callbacks=[lgb.early_stopping(early_stopping_rounds, verbose=False)],
    )
