# %% [markdown]
# # A lesson for tests

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinydldl.layers import Softmax

plt.figure()
rng, nothing = np.random.default_rng(5), None


# %% exercise="double"
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% test="double" points=1
assert double(3) == 6, "twice 3 is 6"
### BEGIN HIDDEN TESTS
assert double(-1.5) == -3, "twice -1.5 is -3"
### END HIDDEN TESTS


# %% exercise="softmax" stands_for="layers.Softmax"
def softmax(x):
    """Softmax of each row."""
    ### BEGIN SOLUTION
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% test="softmax" points=2
x = rng.normal(size=(2, 3))
assert np.abs(softmax(x) - Softmax().forward(x)).max() < 1e-12, "not the package's numbers"


# %% exercise="four"
def four_times(x):
    """Four times x."""
    ### BEGIN SOLUTION
    return double(double(x))
    ### END SOLUTION


# %%
four = 4

# %% test="four" points=4
assert four_times(1) == four, "four times 1 is 4"

# %% [markdown] question="why" points=3
# <!-- ### BEGIN SOLUTION -->
# Because.
# <!-- ### END SOLUTION -->

# %%
again = np.random.default_rng(5)
assert (x == again.normal(size=(2, 3))).all(), "an answer drew"
assert rng.normal() == again.normal(), "an answer drew"
