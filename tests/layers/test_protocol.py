"""What every layer promises, whatever it computes."""

import numpy as np
import pytest
from gradient_cases import layer_cases

from tinydldl import layers

CASES = layer_cases(np.random.default_rng(2018))
every_layer = pytest.mark.parametrize("name", CASES)


@every_layer
def test_forward_and_backward_change_neither_x_nor_dy(name, rng):
    layer, x = CASES[name]
    x = x.copy()
    before_x, y = x.copy(), layer.forward(x, save=True)
    dy = rng.standard_normal(y.shape)
    before_dy, before_y = dy.copy(), y.copy()
    layer.backward(dy)
    np.testing.assert_array_equal(x, before_x)
    np.testing.assert_array_equal(dy, before_dy)
    np.testing.assert_array_equal(y, before_y)


@every_layer
def test_backward_twice_gives_the_same_gradients(name, rng):
    layer, x = CASES[name]
    dy = rng.standard_normal(layer.forward(x, save=True).shape)
    first_dx = layer.backward(dy).copy()
    first = {key: grad.copy() for key, grad in layer.grads.items()}
    np.testing.assert_array_equal(layer.backward(dy), first_dx)
    for key, grad in layer.grads.items():
        np.testing.assert_array_equal(grad, first[key])


@every_layer
def test_non_contiguous_input_and_gradient(name, rng):
    layer, x = CASES[name]
    y = layer.forward(x, save=True)
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy)
    strided_x, strided_dy = non_contiguous(x), non_contiguous(dy)
    np.testing.assert_allclose(layer.forward(strided_x, save=True), y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.backward(strided_dy), dx, rtol=1e-12, atol=1e-12)


def non_contiguous(x):
    """A view with the values of x whose memory is reversed and has gaps."""
    wide = np.zeros((*x.shape, 2), dtype=x.dtype)
    view = wide[..., 0][::-1]
    view[...] = x
    assert not view.flags.c_contiguous
    return view


@every_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_computes_in_the_dtype_that_it_is_given(name, dtype, rng):
    layer, x = layer_cases(rng)[name]
    layer.to(dtype=dtype)
    y = layer.forward(x.astype(dtype), save=True)
    dx = layer.backward(rng.standard_normal(y.shape).astype(dtype))
    arrays = [y, dx, *layer.grads.values(), *layer.buffers.values()]
    if name == "Expectation":  # its grid is exact in every dtype
        arrays = [y, dx]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@every_layer
def test_output_shape(name):
    layer, x = CASES[name]
    assert layer.output_shape(x.shape[1:]) == layer.forward(x).shape[1:]


@every_layer
def test_inference_keeps_nothing(name):
    layer, x = layer_cases(np.random.default_rng(0))[name]
    layer.eval().forward(x)
    parts = layer.layers.values() if isinstance(layer, layers.Sequential) else [layer]
    for part in parts:
        if isinstance(part, layers.Sequential):
            continue
        with pytest.raises(RuntimeError, match="nothing was saved"):
            part.backward(x)


@every_layer
def test_an_inference_after_training_drops_what_was_saved(name):
    layer, x = layer_cases(np.random.default_rng(0))[name]
    layer.train().forward(x)
    layer.forward(x, save=False)
    with pytest.raises(RuntimeError, match="nothing was saved"):
        layer.backward(np.ones(layer.forward(x, save=False).shape))


@every_layer
def test_grads_are_overwritten_in_place(name, rng):
    layer, x = CASES[name]
    before = {key: id(grad) for key, grad in layer.grads.items()}
    layer.backward(rng.standard_normal(layer.forward(x, save=True).shape))
    assert {key: id(grad) for key, grad in layer.grads.items()} == before
    assert layer.grads.keys() == layer.params.keys()


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.BatchNorm2d(3), (2, 3, 8, 8), r"BatchNorm2d: expected x \(N, H, W, 3\), channels"),
        (layers.BatchNorm2d(3), (2, 8, 8, 1), r"got \(2, 8, 8, 1\)"),
        (layers.Conv2d(3, 4, rng=np.random.default_rng(0)), (2, 3, 8, 8), "Conv2d: expected x"),
        (layers.PReLU(5), (4, 1), r"PReLU: expected x \(N, 5\), got \(4, 1\)"),
        (layers.Linear(3, 4, rng=np.random.default_rng(0)), (2, 4), r"Linear: expected x \(N, 3\)"),
    ],
)
def test_x_of_another_shape_is_refused(layer, shape, expected):
    with pytest.raises(ValueError, match=expected):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize("geometry", [{"kernel": 0}, {"stride": 0}, {"stride": -1}])
def test_kernels_and_strides_below_one_are_refused(geometry):
    with pytest.raises(ValueError, match="expected"):
        layers.MaxPool2d(**geometry)
