"""Optimizers against steps worked out by hand."""

import numpy as np
import pytest

from tinydldl import optim
from tinydldl.optim import SGD, Adam, Averaged, cosine_schedule, step_schedule


def problem(rng):
    """Two parameters and ten gradients for each."""
    params = {"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    gradients = [{k: rng.standard_normal(v.shape) for k, v in params.items()} for _ in range(10)]
    return params, gradients


def test_sgd_by_hand():
    params, grads = {"w": np.array([1.0])}, {"w": np.array([0.5])}
    optimizer = SGD(params, grads, lr=0.1)  # the momentum of its default, 0.9
    optimizer.step()  # v = 0.5, w = 0.95
    assert params["w"][0] == pytest.approx(0.95)
    optimizer.step()  # v = 0.45 + 0.5 = 0.95, w = 0.855
    assert params["w"][0] == pytest.approx(0.855)


def test_the_first_step_of_adam_is_the_learning_rate():
    params = {"w": np.array([1.0, 1.0])}
    Adam(params, {"w": np.array([1e-3, -7.0])}, lr=0.01).step()
    np.testing.assert_allclose(params["w"], [0.99, 1.01], rtol=1e-6)


def test_the_norm_of_a_gradient_by_hand():
    grads = {"W": np.array([[1.0, 2], [0, 2]]), "b": np.array([4.0])}
    assert optim.gradient_norm(grads) == 5  # of 1 + 4 + 4 + 16


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


def test_step_schedule_is_constant_within_an_epoch():
    for epoch in (1, 30, 31, 60):
        at = [step_schedule(0.3, epoch + part, every=30) for part in (0, 0.25, 1 - 1e-9)]
        assert at == [step_schedule(0.3, epoch, every=30)] * 3


def test_warm_up_by_hand():
    def rate(epoch):
        return cosine_schedule(0.8, epoch, epochs=8, warm_up=2)

    assert [rate(epoch) for epoch in (1, 1.5, 2, 3)] == pytest.approx([0, 0.2, 0.4, 0.8])
    # of the six epochs that are left: a third (cos 60 degrees), half, two thirds, all
    assert [rate(epoch) for epoch in (5, 6, 7, 9)] == pytest.approx([0.6, 0.4, 0.2, 0])
    assert rate(3 - 1e-9) == pytest.approx(rate(3))  # no jump from the line to the cosine


def test_the_average_weighs_each_step_by_its_age(rng):
    values = [{"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)} for _ in range(6)]
    arrays = {name: np.full_like(array, 1e6) for name, array in values[0].items()}
    averaged = Averaged(arrays, decay=0.7)
    for t, now in enumerate(values, start=1):
        for name in arrays:
            arrays[name][...] = now[name]
        averaged.update()
        ages = np.arange(t)[::-1]
        weights = 0.7**ages / (0.7**ages).sum()
        for name in arrays:
            expected = sum(w * value[name] for w, value in zip(weights, values, strict=False))
            # the 1e6 from before the first step has left no more than its rounding
            np.testing.assert_allclose(averaged.average[name], expected, atol=1e-9)
            np.testing.assert_array_equal(arrays[name], now[name])


def test_the_average_is_applied_in_place_and_taken_back():
    w = np.ones(2, dtype=np.float32)
    arrays = {"w": w}
    averaged = Averaged(arrays, decay=0.5)
    averaged.update()
    w[...] = 4
    averaged.update()  # (1 + 2 * 4) / 3
    assert averaged.average["w"].dtype == np.float32
    with averaged.applied():
        assert arrays["w"] is w
        assert w.tolist() == [3, 3]
    assert arrays["w"] is w
    assert w.tolist() == [4, 4]
    assert averaged.average["w"].tolist() == [3, 3]


def test_an_error_while_the_average_is_applied_leaves_the_raw_weights():
    w = np.ones(2)
    averaged = Averaged({"w": w}, decay=0.5)
    averaged.update()
    w[...] = 4

    def fail():
        with averaged.applied():
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert w.tolist() == [4, 4]


# ------------------------------------------------------------------------------ subnormal numbers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [Adam, SGD])
def test_no_average_of_a_gradient_that_has_died_is_subnormal(make, dtype):
    """0.9^t and 0.999^t end as zeros."""
    params, grads = {"w": np.full(3, 1e-3, dtype)}, {"w": np.array([1e-3, -1e-3, 1e-18], dtype)}
    optimizer = make(params, grads, lr=0.1)
    kept = [params["w"], *(a for name, a in optimizer.state.items() if name != "t")]
    optimizer.step()
    grads["w"][...] = 0
    for _ in range(8000 if dtype == np.float32 else 1000):
        optimizer.step()
        for array in kept:
            assert not ((array != 0) & (np.abs(array) < np.finfo(dtype).tiny)).any()
    if dtype == np.float32:
        assert not optimizer.state["m.w" if "m.w" in optimizer.state else "velocity.w"].any()


def test_no_average_of_weights_that_decay_is_subnormal():
    w = np.ones(3, np.float32)
    averaged = Averaged({"w": w}, decay=0.5)
    averaged.update()
    w[...] = 0
    for _ in range(200):  # 2^-200 is far below 1e-38
        averaged.update()
        average = averaged.average["w"]
        assert not ((average != 0) & (average < np.finfo(np.float32).tiny)).any()
    assert not average.any()


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_numbers_of_common_size_move_as_if_nothing_were_flushed(kind, rng, monkeypatch):
    """Digit for digit, with gradients down to 1e-12."""
    params, grads = problem(rng)[0], {}
    gradients = [{k: rng.standard_normal(v.shape) for k, v in params.items()} for _ in range(50)]
    results = []
    for least in (optim.smallest, lambda dtype: 0.0):
        monkeypatch.setattr(optim, "smallest", least)
        w = {name: array.astype(np.float32) for name, array in params.items()}
        grads = {name: np.zeros_like(array) for name, array in w.items()}
        optimizer = kind(w, grads, 0.01)
        for t, gradient in enumerate(gradients):
            for name in w:
                grads[name][...] = gradient[name] * 10.0 ** -(t % 13)
            optimizer.step()
        results.append(w | optimizer.state)
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name])
