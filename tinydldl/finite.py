"""Guards against NaN and infinity."""

import numpy as np

from tinydldl.arrays import Array
from tinydldl.backend import get_array_module
from tinydldl.errors import UserError
from tinydldl.layers import Layer, Sequential


class NonFiniteError(UserError):
    """The loss or an estimate is not finite; the message says where that began."""


def check_finite(prediction: Array) -> Array:
    """Return the prediction. Raises NonFiniteError unless all of it is finite."""
    if not get_array_module(prediction).isfinite(prediction).all():
        raise NonFiniteError("what the network predicts is not finite")
    return prediction


def check_loss(loss: float, model: Sequential, x: Array, where: str) -> None:
    """Raise NonFiniteError if the loss of images x is not finite; `where`: in which step."""
    if not np.isfinite(loss):
        raise NonFiniteError(f"loss {loss} in {where}: {first_non_finite(model, x)}")


def check_parameters(model: Layer, epoch: int) -> None:
    """Raise NonFiniteError if the last step of an epoch has broken a parameter."""
    for name, param in model.params.items():
        if not get_array_module(param).isfinite(param).all():
            raise NonFiniteError(f"non-finite {name} after epoch {epoch}; try a smaller --lr")


def first_non_finite(model: Sequential, x: Array) -> str:
    """Describe the first layer, front to back, whose parameters or output are not finite."""
    xp = get_array_module(x)
    if not xp.isfinite(x).all():
        return "the images are not finite"
    for name, layer in model.layers.items():
        for kind, array in layer.params.items():
            if not xp.isfinite(array).all():
                return f"first non-finite value in the parameter {name}.{kind}; try a smaller --lr"
        x = layer.forward(x, save=False)
        if not xp.isfinite(x).all():
            return f"first non-finite value in the output of {name}; try a smaller --lr"
    return "every layer is finite, so the loss itself is not"
