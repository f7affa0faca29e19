"""A first pass over item vectors in eight bits: its bound holds, and the list is that of the vectors in full."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.evaluation.ranking import top_items
from models.recommender.history import History
from models.recommender.scoring import Constant, ItemVectors, standardise, weighted_sum
from models.recommender.served.item_codes import ItemCodes, write_item_codes
from models.recommender.served.onnx_sequence import OnnxSequence
from models.recommender.served.scored import Scored

ITEMS, WIDTH = 5_000, 48
HISTORY = History(np.array([3, 70]), np.array([1, 4]))


@pytest.fixture(scope="module")
def vectors():
    """Vectors of different lengths, some of which are alike and some zero."""
    rng = np.random.default_rng(2)
    drawn_ND = rng.standard_normal((ITEMS, WIDTH)) * 10 ** rng.uniform(-1, 0.5, (ITEMS, 1))
    drawn_ND[:20] = drawn_ND[20:40]
    drawn_ND[40:50] = 0.0
    return drawn_ND.astype(np.float32)


@pytest.fixture(scope="module")
def codes(vectors, tmp_path_factory):
    path = tmp_path_factory.mktemp("codes") / "item_codes.onnx"
    write_item_codes(path, vectors)
    return ItemCodes.load(path, vectors, threads=1)


@pytest.fixture(scope="module")
def parts(vectors, codes):
    """A blend with popularity of a sequence model that says "like the history's mean", with the codes and without."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["items", "axis"], ["hidden"], keepdims=0)],
        "mean",
        [
            helper.make_tensor_value_info("items", TensorProto.FLOAT, ["B", "L", WIDTH]),
            helper.make_tensor_value_info("behaviours", TensorProto.INT64, ["B", "L"]),
        ],
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["B", WIDTH])],
        [numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    item_vectors = ItemVectors(vectors_ND=vectors, usable_N=np.arange(ITEMS) % 97 > 0)
    popularity = Constant(scores_N=np.random.default_rng(3).random(ITEMS).astype(np.float32))
    of_codes, in_full = (
        OnnxSequence(session=session, vectors=item_vectors, length=50, codes=one) for one in (codes, None)
    )
    return {"transformer": of_codes, "popularity": popularity}, {"transformer": in_full, "popularity": popularity}


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_a_score_of_the_codes_is_no_further_from_the_full_one_than_its_bound(vectors, codes, scale):
    rng = np.random.default_rng(1)
    hidden_BD = (scale * rng.standard_normal((16, WIDTH))).astype(np.float32)
    hidden_BD[1, 1:] *= 1e-6
    hidden_BD[2] = 0.0
    full_BN = hidden_BD.astype(np.float64) @ vectors.astype(np.float64).T
    bounds_BN = codes.bounds_N * np.linalg.norm(hidden_BD, axis=1, keepdims=True)
    assert (np.abs(codes.scores(hidden_BD) - full_BN) <= bounds_BN).all()
    assert np.median(bounds_BN[3:] / full_BN[3:].std(axis=1, keepdims=True)) < 0.1


@pytest.mark.parametrize("length", [1, 10, 200])
def test_the_best_items_are_those_of_the_vectors_in_full_in_the_same_order(parts, length):
    weights = {"transformer": 0.7, "popularity": 0.3}
    masked = np.random.default_rng(5).random(ITEMS) < 0.3
    standard = {name: standardise(scorer.scores([HISTORY])) for name, scorer in parts[1].items()}
    full_N = weighted_sum(standard, weights)[0]
    scored = Scored.of(HISTORY, parts[0], weights)
    best = scored.best(length=length, masked=masked)
    assert best.tolist() == top_items(full_N, length=length, masked=masked).tolist()
    assert scored.blend_N[best] == pytest.approx(full_N[best], rel=1e-3), "but for the deviation"


def test_where_everything_is_masked_nothing_is_best(parts):
    scored = Scored.of(HISTORY, parts[0], {"transformer": 1.0})
    assert scored.best(length=10, masked=np.ones(ITEMS, dtype=np.bool_)).tolist() == []


def test_vectors_that_say_nothing_leave_the_other_parts_alone(vectors, parts, tmp_path):
    nothing_ND = np.zeros_like(vectors)
    write_item_codes(tmp_path / "item_codes.onnx", nothing_ND)
    silent = OnnxSequence(
        session=parts[0]["transformer"].session,
        vectors=ItemVectors(vectors_ND=nothing_ND, usable_N=np.ones(ITEMS, dtype=np.bool_)),
        length=50,
        codes=ItemCodes.load(tmp_path / "item_codes.onnx", nothing_ND, threads=1),
    )
    weights = {"transformer": 0.5, "popularity": 0.5}
    masked = np.zeros(ITEMS, dtype=np.bool_)
    scored = Scored.of(HISTORY, {**parts[0], "transformer": silent}, weights)
    popular = top_items(parts[0]["popularity"].scores_N, length=10, masked=masked)
    assert scored.best(length=10, masked=masked).tolist() == popular.tolist()
