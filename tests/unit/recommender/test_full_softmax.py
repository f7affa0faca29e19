"""The fused cross-entropy is the plain one: same loss, same gradients."""

import pytest
import torch
from torch.nn import functional

from models.recommender.transformer import loss as full_softmax
from models.recommender.transformer.loss import full_cross_entropy


def _case(targets, items, width):
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(targets, width, generator=generator, requires_grad=True)
    vectors = torch.randn(items, width, generator=generator, requires_grad=True)
    return hidden, vectors, torch.randint(0, items, (targets,), generator=generator)


def _with_gradients(loss, hidden, vectors):
    # A factor other than 1: the gradients are made in the forward pass and must still follow what comes after it.
    return loss.detach(), *torch.autograd.grad(loss * 0.25, [hidden, vectors])


@pytest.mark.parametrize("chunk", [1_024, 7])
def test_loss_and_gradients_are_those_of_the_plain_cross_entropy(monkeypatch, chunk):
    monkeypatch.setattr(full_softmax, "_CHUNK", chunk)
    hidden, vectors, targets = _case(targets=20, items=31, width=8)
    plain = functional.cross_entropy(hidden @ vectors.T, targets, reduction="sum")
    expected = _with_gradients(plain, hidden, vectors)
    computed = _with_gradients(full_cross_entropy(hidden, vectors, targets), hidden, vectors)
    for one, other in zip(computed, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_in_bf16_the_gradients_point_the_same_way():
    hidden, vectors, targets = _case(targets=50, items=400, width=16)
    plain = functional.cross_entropy(hidden @ vectors.T, targets, reduction="sum")
    expected = _with_gradients(plain, hidden, vectors)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = full_cross_entropy(hidden, vectors, targets)
    computed = _with_gradients(loss, hidden, vectors)
    assert computed[0].dtype == torch.float32
    assert float(computed[0]) == pytest.approx(float(expected[0]), rel=0.01)
    for one, other in zip(computed[1:], expected[1:], strict=True):
        assert one.dtype == other.dtype
        assert float(functional.cosine_similarity(one.flatten(), other.flatten(), dim=0)) > 0.999


def test_a_batch_without_targets_costs_nothing_and_teaches_nothing():
    hidden, vectors, targets = _case(targets=0, items=5, width=4)
    loss, hidden_gradient, vectors_gradient = _with_gradients(
        full_cross_entropy(hidden, vectors, targets), hidden, vectors
    )
    assert float(loss) == 0
    assert hidden_gradient.shape == (0, 4)
    assert not vectors_gradient.any()
