"""What is near in colour and looks is near in numbers, neighbours vote, and a map from texts finds pictures."""

import numpy as np
import pytest

from models.pictures.colours import BINS, colour_histogram, to_lab
from models.pictures.reading import SIDE, Pixels
from models.pictures.space import PictureSpace, PictureVectors
from models.pictures.split import split_pictures
from models.pictures.text_map import TextMap, TextMapConfig, TextPairs, choose_text_map
from models.pictures.votes import VoteConfig, accuracy_by_choice, best, suggest


def tile(*rgb: int, on: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
    """A square of a colour in the middle of another."""
    pixels = np.full((SIDE, SIDE, 3), on, dtype=np.uint8)
    pixels[40:-40, 40:-40] = rgb
    return pixels


def test_white_and_grey_have_no_chroma() -> None:
    lab = to_lab(np.array([[[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]]]))
    assert lab[0, 0] == pytest.approx([100, 0, 0], abs=0.02)
    assert lab[0, 1, 1:] == pytest.approx([0, 0], abs=0.02)


def test_red_is_where_colour_tables_have_it() -> None:
    assert to_lab(np.array([[[1.0, 0.0, 0.0]]]))[0, 0] == pytest.approx([53.24, 80.09, 67.2], abs=0.1)


def test_shades_of_a_colour_are_nearer_than_another_colour() -> None:
    red, crimson, blue = (colour_histogram(tile(*rgb)) for rgb in ((200, 20, 20), (180, 20, 40), (20, 40, 200)))
    assert red.shape == (BINS,)
    assert red @ red == pytest.approx(1, abs=1e-5)
    assert red @ crimson > red @ blue + 0.2


def test_the_middle_of_a_picture_counts_more_than_its_edge() -> None:
    framed, plain = colour_histogram(tile(200, 20, 20, on=(20, 40, 200))), colour_histogram(tile(200, 20, 20))
    assert framed @ plain > framed @ colour_histogram(tile(20, 40, 200))


def test_exact_repeats_stay_on_one_side() -> None:
    digests = [f"picture {number // 3}" for number in range(300)]
    split = split_pictures(digests, seed=1)
    sides = [{digests[place] for place in side} for side in split]
    assert [len(side) for side in split] == [180, 60, 60]
    assert sum(map(len, sides)) == len(set().union(*sides))


def test_nearer_neighbours_count_more_and_are_named() -> None:
    similarities = np.array([[0.9, 0.5, 0.5, 0.1]], dtype=np.float32)
    (one,) = suggest(similarities, ["shoe", "hat", "hat", "bag"], neighbours=3)
    assert (one.label, list(one.evidence)) == ("shoe", [0])
    assert one.share > 0.99
    (equal,) = suggest(np.full((1, 4), 0.5, dtype=np.float32), ["shoe", "hat", "hat", "bag"], neighbours=4)
    assert (equal.label, equal.share, list(equal.evidence)) == ("hat", 0.5, [1, 2])


def clusters(rng: np.random.Generator, count: int) -> tuple[PictureVectors, list[str]]:
    """Pictures whose kind is in what they show, and nothing in their colours."""
    kinds = rng.integers(3, size=count)
    shows = np.eye(8, dtype=np.float32)[kinds] + rng.normal(0, 0.1, (count, 8)).astype(np.float32)
    colours = np.abs(rng.normal(size=(count, 5))).astype(np.float32)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (shows, colours)]
    return PictureVectors(shows_NK=unit[0], colours_NB=unit[1]), [f"kind {kind}" for kind in kinds]


def test_the_vote_is_chosen_that_is_right_of_most() -> None:
    rng = np.random.default_rng(2)
    labelled, labels = clusters(rng, 60)
    asked, truth = clusters(rng, 60)
    accuracies = accuracy_by_choice(asked, labelled, truth, labels)
    assert accuracies[VoteConfig(colour_weight=0, neighbours=1)] > 0.95
    assert accuracies[VoteConfig(colour_weight=1, neighbours=1)] < 0.6
    assert best(accuracies).colour_weight < 0.7


def test_a_space_keeps_what_tells_pictures_apart() -> None:
    rng = np.random.default_rng(4)
    encoded = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 50))).astype(np.float32)
    space = PictureSpace.fit(encoded, seed=1)
    again = PictureSpace.from_arrays(space.arrays())
    assert space.axes_DK.shape == (50, 3)
    assert np.linalg.norm(again.project(encoded), axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    with pytest.raises(ValueError, match="two pictures or more"):
        PictureSpace.fit(encoded[:1], seed=1)


def test_a_map_from_texts_finds_the_pictures_of_texts_that_it_never_saw() -> None:
    rng = np.random.default_rng(5)
    hidden = rng.normal(size=(200, 6))

    def seen_as(width: int) -> np.ndarray:
        rows = hidden @ rng.normal(size=(6, width))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    texts, pictures = seen_as(12), PictureVectors(shows_NK=seen_as(16), colours_NB=seen_as(9))
    train, test = slice(0, 150), slice(150, 200)
    learnt, chosen = slice(0, 100), slice(100, 150)
    digests = [str(number) for number in range(200)]
    pairs = TextPairs.of(texts[chosen], pictures.take(chosen), digests[chosen])
    config = choose_text_map((texts[learnt], pictures.take(learnt)), pairs)
    fitted = TextMap.fit(texts[train], pictures.take(train), config)
    again = TextMap.from_arrays(fitted.arrays())
    ranks = TextPairs.of(texts[test], pictures.take(test), digests[test]).ranks(again)
    assert (ranks <= 10).mean() > 0.8  # by chance it is 0.2


def test_a_repeat_of_its_picture_is_as_good_as_its_own() -> None:
    shows = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    pairs = TextPairs.of(shows, PictureVectors(shows_NK=shows, colours_NB=shows), ["same", "same", "other"])
    assert pairs.own_N.tolist() == [1, 1, 0]
    text_map = TextMap(
        text_mean_T=np.zeros(3, dtype=np.float32),
        picture_mean_V=np.zeros(6, dtype=np.float32),
        map_TV=np.hstack([np.eye(3), np.eye(3)]).astype(np.float32),
        colour_weight=0.5,
    )
    assert pairs.ranks(text_map).tolist() == [1, 1, 1]


def test_what_is_no_pair_is_refused() -> None:
    pictures = PictureVectors(shows_NK=np.ones((2, 3), dtype=np.float32), colours_NB=np.ones((2, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="no pairs"):
        TextMap.fit(np.ones((3, 4), dtype=np.float32), pictures, TextMapConfig(ridge_alpha=1, colour_weight=0.2))
    with pytest.raises(ValueError, match="above zero"):
        TextMapConfig(ridge_alpha=0, colour_weight=0.2)
    with pytest.raises(ValueError, match="one neighbour"):
        VoteConfig(colour_weight=0.5, neighbours=0)
