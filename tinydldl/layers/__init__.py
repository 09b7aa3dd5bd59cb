"""Layers by hand: each has a forward pass of a few lines, and beside it the backward pass."""

from tinydldl.layers.activation import LogSigmoid, LogSoftmax, PReLU, ReLU, Sigmoid, Softmax, Tanh
from tinydldl.layers.base import Layer, Layers, Sequential
from tinydldl.layers.conv import Conv2d
from tinydldl.layers.dense import Dropout, Flatten, Linear
from tinydldl.layers.expectation import Expectation
from tinydldl.layers.norm import BatchNorm2d
from tinydldl.layers.pool import AvgPool2d, CeilMaxPool2d, GlobalAvgPool, HybridPool, MaxPool2d
