"""Optimizers against PyTorch and against steps worked out by hand."""

import numpy as np
import pytest

from tinydldl.optim import SGD, Adam, step_schedule


def problem(rng):
    """Two parameters and ten gradients for each."""
    params = {"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    gradients = [{k: rng.standard_normal(v.shape) for k, v in params.items()} for _ in range(10)]
    return params, gradients


@pytest.mark.parametrize(
    ("ours", "name", "settings"),
    [
        (Adam, "Adam", {"lr": 0.01}),
        (SGD, "SGD", {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}),
        (SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ],
)
def test_ten_steps_agree_with_pytorch(ours, name, settings, rng, torch):
    params, gradients = problem(rng)
    theirs = {k: torch.tensor(v.copy(), requires_grad=True) for k, v in params.items()}
    their_optimizer = getattr(torch.optim, name)(theirs.values(), **settings)
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    optimizer = ours(params, grads, **settings)
    for gradient in gradients:
        for k in params:
            grads[k][...] = gradient[k]
            theirs[k].grad = torch.tensor(gradient[k])
        optimizer.step()
        their_optimizer.step()
        for k in params:
            np.testing.assert_allclose(params[k], theirs[k].detach().numpy(), rtol=1e-13)


def test_sgd_by_hand():
    params, grads = {"w": np.array([1.0])}, {"w": np.array([0.5])}
    optimizer = SGD(params, grads, lr=0.1, momentum=0.9, weight_decay=0.2)
    optimizer.step()  # v = 0.5 + 0.2 = 0.7, w = 0.93
    assert params["w"][0] == pytest.approx(0.93)
    optimizer.step()  # v = 0.63 + 0.5 + 0.186 = 1.316, w = 0.7984
    assert params["w"][0] == pytest.approx(0.7984)


def test_the_first_step_of_adam_is_the_learning_rate():
    params = {"w": np.array([1.0, 1.0])}
    Adam(params, {"w": np.array([1e-3, -7.0])}, lr=0.01).step()
    np.testing.assert_allclose(params["w"], [0.99, 1.01], rtol=1e-6)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_steps_are_in_place_and_keep_float32(kind):
    w = np.ones(3, dtype=np.float32)
    optimizer = kind({"w": w}, {"w": np.ones(3, dtype=np.float32)}, lr=0.1)
    optimizer.step()
    assert w[0] < 1
    arrays = [w] + [array for name, array in optimizer.state.items() if name != "t"]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_continues_from_its_state(kind, rng):
    params, gradients = problem(rng)
    copy = {k: v.copy() for k, v in params.items()}
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    optimizer = kind(params, grads, lr=0.1)
    resumed = None
    for i, gradient in enumerate(gradients):
        if i == 5:
            resumed = kind({k: v.copy() for k, v in params.items()}, grads, lr=0.1)
            for name, array in optimizer.state.items():
                resumed.state[name][...] = array
        for k in params:
            grads[k][...] = gradient[k]
        optimizer.step()
        if resumed:
            resumed.step()
    for k in params:
        np.testing.assert_array_equal(resumed.params[k], params[k])
        assert not np.array_equal(copy[k], params[k])


def test_step_schedule():
    rates = [step_schedule(1.0, epoch, every=30) for epoch in (1, 30, 31, 60, 61)]
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.1, 0.01])
