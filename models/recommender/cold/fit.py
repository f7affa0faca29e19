"""Fit the vectors of items without shoppers, as one training run does."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from models.recommender.cold.choice import choose_cold
from models.recommender.cold.items import ColdChoice, ColdItems, attribute_features, project_cold_items
from models.recommender.cold.pictures import picture_features
from models.recommender.cold.texts import encode_texts, item_texts
from models.recommender.dataset import Interactions, Window, item_attributes
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.views import Run


def cold_features(data: Interactions, items: pa.Table, run: Run) -> dict[str, Any] | None:
    """Return what the catalogue says of the items, by kind; None where every item has shoppers.

    Pictures are in a column ``picture`` of the items, where the shop has any (:mod:`models.recommender.cold.pictures`).
    Texts are read where they are few enough to take seconds: those of all cold items, and of the
    others with the most shoppers.
    """
    config, users_N = run.config.cold_items, data.distinct_users_per_item()
    cold_N = users_N == 0
    if not cold_N.any():
        return None
    attributes_NA = item_attributes(items, data.item_ids)
    features: dict[str, Any] = {}
    if cold_N.sum() <= config.max_cold_texts:
        read_N = cold_N.copy()
        read_N[np.argsort(-users_N, kind="stable")[: config.max_warm_texts]] = True
        texts = item_texts(items, data.item_ids)
        wanted = [text if read else "" for text, read in zip(texts, read_N, strict=True)]
        if any(text for text, cold in zip(wanted, cold_N, strict=True) if cold):
            features["text"] = encode_texts(
                wanted, encoder=config.encoder, max_tokens=config.max_tokens, accelerator=run.accelerator
            )
    attributes = attribute_features(
        attributes_NA, min_items=config.min_attribute_items, max_attributes=config.max_attributes
    )
    if attributes.shape[1]:
        features["attributes"] = attributes
    pictures_NF = picture_features(items, data.item_ids)
    if pictures_NF is not None and pictures_NF[cold_N].any():
        features["pictures"] = pictures_NF
    return features


def choose_cold_items(
    data: Interactions, features: Mapping[str, Any], validation: Window, sequence: SequenceScorer, run: Run
) -> ColdChoice | None:
    """Return what ranks held-out items best in the validation window.

    Args:
        data: everything, whose items the ``features`` are of.
        features: from :func:`cold_features`.
        validation: the window, and what precedes it.
        sequence: the transformer that was fitted on what precedes it.
        run: settings.
    """
    places = {item_id: place for place, item_id in enumerate(data.item_ids)}
    rows = np.array([places[item_id] for item_id in validation.train.item_ids], dtype=np.int64)
    features_seen = {name: matrix[rows] for name, matrix in features.items()}
    users_N = validation.train.distinct_users_per_item()
    return choose_cold(sequence, users_N, features_seen, validation.cases, run.config.cold_items, seed=run.seed)


def fit_cold_items(
    data: Interactions,
    features: Mapping[str, Any],
    sequence: SequenceScorer,
    run: Run,
    *,
    choice: ColdChoice | None = None,
) -> ColdItems:
    """Return the item vectors with those of items without shoppers, and what ranks these beside the vectors."""
    users_N = data.distinct_users_per_item()
    vectors_ND = sequence.vectors.vectors_ND
    return project_cold_items(vectors_ND, users_N, features, run.config.cold_items, seed=run.seed, choice=choice)
