# %% [markdown]
# # Lesson 08: Training DLDL-v2
#
# | | |
# |---|---|
# | **You will be able to** | write the whole training loop, say what augmentation and the schedule are for, read training curves, and find a bug from its curves |
# | **You need** | lesson 04 (the joint loss), lesson 07 (the network, Adam) |
# | **Minutes** | 90, of which the computer needs 5 |
# | **Code** | [`tinydldl/train/loop.py`](../tinydldl/train/loop.py), [`tinydldl/datasets/transforms.py`](../tinydldl/datasets/transforms.py), [`tinydldl/datasets/loader.py`](../tinydldl/datasets/loader.py) |

# %%
import re
from math import ceil
from types import SimpleNamespace

import numpy as np
from PIL import Image
from tqdm import tqdm

from tinydldl import plots
from tinydldl.datasets import Photos
from tinydldl.datasets.loader import augment_batch, normalize
from tinydldl.datasets.synthetic import annotate, draw_face, sample_age
from tinydldl.datasets.transforms import TRANSFORMS, augment
from tinydldl.images import center_crop, held_side
from tinydldl.labels import label_grid
from tinydldl.methods import DLDLv2
from tinydldl.metrics import coverage, mae
from tinydldl.models import AgeNet
from tinydldl.notebook import FAST, figures, use_style
from tinydldl.optim import Adam, cosine_schedule, step_schedule
from tinydldl.train import baselines
from tinydldl.train.loop import Training, evaluate, train_epoch

use_style()
plot = figures("08")

# %% [markdown]
# ## 1. The faces
#
# We draw a few hundred faces, and ten annotators label each. The network sees 32 x 32 pixels. Photos are held a little larger, 37 x 37, so that there is room to crop. The class below holds them in memory; it has what the package's loader expects of a collection of photos.

# %%
SIDE, BATCH, SEED = 32, 16, 0
assert held_side(SIDE) == 37


class Faces:
    """Drawn faces in memory: images (uint8) and `photos`, which holds their ages and sigmas."""

    side, loaders, augmenters = SIDE, 1, staticmethod(augment_batch)

    def __init__(self, images, ages, sigmas):
        self.images = images
        self.photos = Photos([None] * len(images), ages, sigmas)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def draw(first, count):
    """The faces number `first`, `first + 1`, ...; each comes from a generator of its own."""
    images, votes = [], []
    for index in range(first, first + count):
        rng = np.random.default_rng([SEED, index])
        age = sample_age(rng)
        votes.append(annotate(age, rng))
        images.append(np.asarray(draw_face(age, rng, held_side(SIDE))))
    votes = np.array(votes)
    return Faces(images, votes.mean(axis=1), votes.std(axis=1))


# %%
train_faces = draw(0, 64 if FAST else 320)
valid_faces = draw(len(train_faces), 24 if FAST else 100)
y_train, y_valid = train_faces.photos.ages, valid_faces.photos.ages
baseline = mae(baselines.mean_age(y_train, len(y_valid)), y_valid)
print(f"{len(train_faces)} faces to train on, {len(valid_faces)} to judge on")
print(f"whoever always says {y_train.mean():.1f} years is off by {baseline:.2f} on average")
assert baseline > 10

# %% [markdown]
# The second line is **the number to beat**. A network that has never looked at a face can reach it.
#
# A pixel is a whole number in 0..255. The network gets each channel shifted to mean 0 and scaled to standard deviation 1:
#
# $$ x = \frac{\text{pixel} / 255 - \text{mean}}{\text{std}}, $$
#
# with the mean and std of red, green and blue over all *training* photos. The validation photos are scaled with the same numbers: they stand for photos that we do not have yet.

# %%
pixels = np.stack(train_faces.images) / 255
channels = pixels.mean(axis=(0, 1, 2)).tolist(), pixels.std(axis=(0, 1, 2)).tolist()
x = normalize(np.stack(train_faces.images), *channels)
print("mean", np.round(channels[0], 3), " std", np.round(channels[1], 3))
assert np.abs(x.mean(axis=(0, 1, 2))).max() < 1e-3
assert np.abs(x.std(axis=(0, 1, 2)) - 1).max() < 1e-3

# %% [markdown]
# ## 2. Augmentation, seen
#
# A few hundred photos are not many. Each time a photo is used we change it at random, in ways that leave the age as it is, so the network hardly ever sees the same pixels twice. The package has six transforms, modeled on the code published with the paper ([where they differ from it](../data/README.md#the-published-code-line-by-line)). Here is each of them, on one face drawn at a larger size.

# %% alt="One drawn face seven times: as it is, mirrored, in gray, blurred by scaling, turned, cropped, and with other colors."
face = draw_face(58.0, np.random.default_rng(12), 256)
seeds = {"mirror": 2, "gray": 2, "scale": 6, "rotate": 3, "crop": 5, "color": 2}
changed = {
    name: transform(face, np.random.default_rng(seeds[name]))
    for name, transform in TRANSFORMS.items()
}
plot.transforms(face, changed)

# %% [markdown]
# Six panels, six assertions:

# %%
original, arrays = np.asarray(face).astype(float), {k: np.asarray(v) for k, v in changed.items()}
assert (arrays["mirror"][:, ::-1] == original).all(), "mirrored twice is the photo itself"
assert (arrays["gray"][..., 0] == arrays["gray"][..., 2]).all(), "red, green and blue are equal"
before, after = (
    np.abs(np.diff(a.astype(float), axis=1)).mean() for a in (original, arrays["scale"])
)
assert after < before, "scaling down and up again loses details: neighbors differ less"
assert (arrays["rotate"][0, 0] == 128).all(), "the corners of a rotated photo are gray"
assert arrays["crop"].shape == (224, 224, 3), "7/8 of 256"
assert abs(arrays["color"].mean() - original.mean()) > 1, "lighter or darker"

# %% [markdown]
# **None of them touches the label**: $y$ and $\sigma$ stay those of the photo. `mirror` and `gray` change only half of the photos, at random; the others change each one by a random amount.

# %%
rng = np.random.default_rng(0)
share = np.mean([TRANSFORMS["mirror"](face, rng) is not face for _ in range(2000)])
print(f"mirrored: {share:.1%}")
assert abs(share - 0.5) < 0.04

# %% [markdown] question="label" points=2
# ### Question
# No transform in the list changes the label. But some of them, if made stronger, *could* change the age that annotators would give. Name two and say which sign of age they would hide. Then name a transform that must never be used, though the picture is still a face.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* `scale` to very few pixels wipes out wrinkles and skin texture: an old face looks younger. `crop` to the middle cuts off forehead, hairline and chin, and with them the proportions of a child's head. `color` far toward bright hides wrinkles, and a strong change of saturation and brightness can make hair look gray or hide that it is. Never: strongly stretching the face in one direction, or anything else that changes the proportions of eyes, nose and chin (a child's head differs from an adult's by them), smoothing filters, or pasting in parts of other faces without changing the label. One point for two good examples, one for the forbidden one.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 3. The schedule
#
# Why should the learning rate fall? Look at the simplest case: one parameter $W$ with loss $\tfrac12 W^2$, whose gradient is $W$. Each batch sees it with noise $n$ of mean 0 and variance $s^2$. Gradient descent does
#
# $$ W \leftarrow W - lr \, (W + n) = (1 - lr) \, W - lr \, n . $$
#
# At first $W$ shrinks by a factor of $1 - lr$ per step: a large rate is fast. But it does not go to 0. The noise of each step is independent of $W$, so the variances add:
#
# $$ \mathrm{Var}(W) \leftarrow (1 - lr)^2 \, \mathrm{Var}(W) + lr^2 s^2 . $$
#
# In the long run the two sides are equal. Solve for the variance, with $1 - (1 - lr)^2 = lr \, (2 - lr)$:
#
# $$ \mathrm{Var}(W) = \frac{lr^2 s^2}{lr \, (2 - lr)} = \frac{lr \, s^2}{2 - lr} \approx \frac{lr \, s^2}{2} . $$
#
# **The noise floor is proportional to the learning rate.** So: walk fast first, then divide the rate by 10, and the floor sinks to a tenth.

# %% alt="The mean square of a weight under noisy steps: it falls to a floor at 0.1 and stays, and once the learning rate is a tenth it falls to a tenth of that."
rng = np.random.default_rng(1)
W = np.full(2000, 10.0)  # two thousand runs at once
spread = []
for step in range(400):
    lr = 0.2 if step < 200 else 0.02
    W = (1 - lr) * W - lr * rng.standard_normal(2000)
    spread.append((W**2).mean())

floors = {lr: lr / (2 - lr) for lr in (0.2, 0.02)}
for (lr, floor), end in zip(floors.items(), (200, 400), strict=True):
    print(f"lr {lr}: mean square {np.mean(spread[end - 50 : end]):.4f}, {floor:.4f}")
    assert abs(np.mean(spread[end - 50 : end]) / floor - 1) < 0.1
plot.noise_floor(spread, floors)

# %% [markdown]
# ### Exercise 1
# The paper's schedule divides by 10 after every 30 of its 60 epochs. Epochs are counted from 1: the first 30 all have the same rate, and epoch 31 has a tenth of it.


# %% exercise="schedule" stands_for="optim.step_schedule"
def learning_rate(lr, epoch, every):
    """The learning rate in `epoch` = 1, 2, ...

    Hint: how many divisions come before this epoch? `//` divides and rounds down.
    """
    ### BEGIN SOLUTION
    return lr / 10 ** ((epoch - 1) // every)
    ### END SOLUTION


# %% test="schedule" points=1
# Expect the package's numbers to about 1e-16, and the first division in epoch 31, not 30.
rates = [learning_rate(1e-3, epoch, 30) for epoch in range(1, 61)]
assert rates[0] == 1e-3, f"epoch 1 has {rates[0]}, expected the whole rate, 0.001"
assert rates[29] == 1e-3, f"epoch 30 has {rates[29]}, expected still 0.001"
assert np.isclose(rates[30], 1e-4), f"epoch 31 has {rates[30]}, expected 0.0001"
for lr, every in ((1e-3, 30), (0.5, 2), (2e-3, 1)):
    expected = [step_schedule(lr, epoch, every) for epoch in range(1, 13)]
    found = [learning_rate(lr, epoch, every) for epoch in range(1, 13)]
    assert np.allclose(found, expected, rtol=1e-12), f"lr {lr}, every {every}: {found}"
assert "step_schedule" not in learning_rate.__code__.co_names, "do not call `step_schedule`"
### BEGIN HIDDEN TESTS
for lr, every in ((0.02, 7), (3.0, 45), (1e-4, 100)):
    for epoch in (1, every, every + 1, 2 * every, 3 * every + 1, 5 * every):
        expected = lr * 10.0 ** -len(range(every + 1, epoch + 1, every))  # one for each begun
        got = learning_rate(lr, epoch, every)
        assert np.isclose(got, expected, rtol=1e-12), (
            f"lr {lr}, every {every} epochs: epoch {epoch} has {got}, expected {expected}"
        )
### END HIDDEN TESTS

# %% [markdown]
# A rate that falls smoothly does the same, and leaves no steps to place. This lesson, like `make train`, warms up for one epoch (Adam's averages know nothing yet), and then follows half a cosine down to 0.

# %% alt="Learning rate by epoch: the paper's is a step down after epoch 30, the lesson's warms up for an epoch and then falls to 0 along half a cosine within 24."
EPOCHS, LR, WARM_UP = (4, 2e-3, 1) if FAST else (24, 2e-3, 1)
BRIEF = 1 if FAST else EPOCHS  # of the runs that are compared with the first


def rate(epoch):
    """The learning rate in the middle of `epoch` = 1, 2, ..."""
    return cosine_schedule(LR, epoch + 0.5, EPOCHS, WARM_UP)


ours = [rate(epoch) for epoch in range(1, EPOCHS + 1)]
plot.schedules(rates, ours)
half_way = 1 + WARM_UP + (EPOCHS - WARM_UP) / 2
assert ours[0] == LR / 2 and max(ours) < LR
assert abs(cosine_schedule(LR, half_way, EPOCHS, WARM_UP) - LR / 2) < 1e-12

# %% [markdown]
# ## 4. The training loop in one page
#
# First, which loss, and when? Lesson 04 found that at the start, where $\hat p$ is uniform, L1 pulls eight times as hard as KL. From random weights $\lambda = 1$ would begin as expectation regression. The published code begins with KL alone, and adds L1 to a network that can already see. So do we: two thirds of the epochs with KL alone, then both. `method.begin(epoch)` tells the method which epoch it is.

# %%
KL_EPOCHS = EPOCHS * 2 // 3
method = DLDLv2(label_grid(0, 100), lam=1.0, kl_epochs=KL_EPOCHS)
lams = []
for epoch in range(1, EPOCHS + 1):
    method.begin(epoch)
    lams.append(method.lam_now)
print("lambda by epoch:", lams)
assert lams == [0] * KL_EPOCHS + [1] * (EPOCHS - KL_EPOCHS)

# %% [markdown]
# Now the loop.
#
# Everything is there. A step takes one batch: photos `x`, ages `y`, and their `sigma`.
#
# ### Exercise 2
# Write the step. Five things, in this order: the target distribution, the forward pass, the loss with its gradient in the logits, the backward pass, the optimizer step. Keep everything in float32: one float64 array makes the rest float64, and twice as slow.


# %% exercise="step" stands_for="train.loop.train_epoch"
def training_step(model, method, optimizer, x, y, sigma):
    """Train on one batch; returns the three values (L, L_ld, L_er).

    Hint: `method.target(y, sigma)` and y are float64: `.astype(np.float32)`.
    `method.loss(logits, p, y)` returns `(L, L_ld, L_er), dlogits`.
    """
    ### BEGIN SOLUTION
    p = method.target(y, sigma).astype(np.float32)
    logits = model.forward(x)
    values, dlogits = method.loss(logits, p, y.astype(np.float32))
    model.backward(dlogits)
    optimizer.step()
    return values
    ### END SOLUTION


# %% test="step" points=2
# Expect a first KL near ln K - H(p), about 2.3, and a joint loss that falls within 15 steps.
model = AgeNet("tiny", method.outputs, side=SIDE, rng=np.random.default_rng(0))
optimizer = Adam(model.params, model.grads, lr=1e-3)
few = slice(0, 8)
x8 = x[few, 2:34, 2:34]
y8, sigma8 = y_train[few], train_faces.photos.sigmas[few]
given = x8.copy(), y8.copy(), sigma8.copy()
before = {name: array.copy() for name, array in model.params.items()}
first = model.train().forward(x8)
off = np.abs(method.age(method.predict(first)) - y8).mean()
p8 = method.target(y8, sigma8)
surprise = (p8 * (np.log(np.where(p8 > 0, p8, 1)) - np.log(method.predict(first)))).sum(axis=1)
losses = [training_step(model, method, optimizer, x8, y8, sigma8)]
moves = {name: np.abs(array - before[name]).max() for name, array in model.params.items()}
still = [name for name, move in moves.items() if move == 0]
assert 2.0 < losses[0][1] < 3.0, f"the first KL is {losses[0][1]:.3f}: not near ln K - H(p)"
assert abs(losses[0][1] - surprise.mean()) < 1e-3, "L_ld is the KL for these ages and sigmas"
assert abs(losses[0][2] - off) < 1e-3, "L_er is the mean of |y_hat - y| for these ages"
assert not still, f"these have not moved in the first step: {still}"
longest = max(moves.values())
assert longest < 1.01e-3, f"Adam's first step moves nothing by more than lr, 0.001: {longest:.4f}"
losses += [training_step(model, method, optimizer, x8, y8, sigma8) for _ in range(14)]
print("first L, L_ld, L_er:", np.round(losses[0], 3), " last:", np.round(losses[-1], 3))
assert losses[-1][0] < 0.7 * losses[0][0], "the joint loss must fall by a third in 15 steps"
types = {losses[-1][0].dtype, *(array.dtype for array in model.params.values())}
assert types == {np.dtype(np.float32)}, f"all should be float32, found {types}"
for name, array, copied in zip(("x", "y", "sigma"), (x8, y8, sigma8), given, strict=True):
    assert np.array_equal(array, copied), f"{name} belongs to the caller: do not change it"
### BEGIN HIDDEN TESTS
gentle, steps = DLDLv2(label_grid(0, 100, 1), lam=0.25), []
twins = [AgeNet("tiny", gentle.outputs, side=SIDE, rng=np.random.default_rng(5)) for _ in range(2)]
some = np.random.default_rng(6).integers(0, len(y_train), 5)
seen_x, aged, spread = x[some, :SIDE, :SIDE], y_train[some], np.full(5, 3.0)
waits = SimpleNamespace(step=lambda: steps.append(1))  # moves nothing
got = training_step(twins[0].train(), gentle, waits, seen_x, aged, spread)
soft = gentle.target(aged, spread).astype(np.float32)
logits = twins[1].train().forward(seen_x)
expected, dlogits = gentle.loss(logits, soft, aged.astype(np.float32))
twins[1].backward(dlogits)
assert len(steps) == 1, f"one step of the optimizer, not {len(steps)}"
assert np.allclose(got, expected, rtol=1e-5), f"5 photos, lambda 0.25: {got}, expected {expected}"
for name, gradient in twins[1].grads.items():
    off = np.abs(twins[0].grads[name] - gradient).max() / (np.abs(gradient).max() + 1e-6)
    assert off < 1e-3, (
        f"5 photos, lambda 0.25: the gradient of {name} is off by {off:.1e} of its largest entry; "
        "the steps of Adam do not show its size, those of other optimizers do"
    )
### END HIDDEN TESTS

# %% [markdown]
# An **epoch** goes through all photos once: in a new random order, in batches of nearly equal size, each photo changed in a new way. The generator for a photo's changes is seeded with (seed, epoch, index), that for the order with the next free index, so the same run can be repeated exactly.


# %%
def one_epoch(model, method, optimizer, faces, epoch, transforms):
    """Train on every face once; the means of the three values, by name."""
    model.train()
    method.begin(epoch)
    sums = np.zeros(3)
    order = np.random.default_rng([SEED, epoch, len(faces)]).permutation(len(faces))
    for indices in np.array_split(order, ceil(len(faces) / BATCH)):
        images = [augmented(faces, int(index), epoch, transforms) for index in indices]
        x = normalize(np.stack(images), *channels)
        y, sigma = faces.photos.ages[indices], faces.photos.sigmas[indices]
        values = training_step(model, method, optimizer, x, y, sigma)
        sums += len(indices) * np.array(values, dtype=float)
    return dict(zip(("train_loss", "train_kl", "train_mae"), sums / len(faces), strict=True))


def augmented(faces, index, epoch, transforms):
    """One face, changed at random and cropped to the network's size."""
    rng = np.random.default_rng([SEED, epoch, index])
    return np.asarray(augment(Image.fromarray(faces[index]), rng, transforms, SIDE))


# %% [markdown]
# To **validate**, switch to inference: no augmentation, the center of the photo (at the very end the published code takes all of it), and BatchNorm with its running statistics, so that an estimate does not depend on the other photos in the batch. As in the paper, the answer for a photo is the mean of two distributions: that of the photo and that of its mirror image.


# %%
def estimate(model, method, faces, channels):
    """p_hat (N, K) and y_hat (N,) for every face."""
    model.eval()
    images = [np.asarray(center_crop(Image.fromarray(image), SIDE)) for image in faces.images]
    x = normalize(np.stack(images), *channels)
    once, mirrored = (method.predict(model.forward(v)) for v in (x, x[:, :, ::-1]))
    p_hat = (once + mirrored) / 2
    return p_hat, method.age(p_hat)


def fit(faces, transforms, epochs=EPOCHS, schedule=rate, method=method, test_channels=channels):
    """Train a new TinyAgeNet: (model, history), a dict of figures for each epoch."""
    model = AgeNet("tiny", method.outputs, side=SIDE, rng=np.random.default_rng(0))
    optimizer = Adam(model.params, model.grads)
    history = []
    for epoch in range(1, epochs + 1):
        optimizer.lr = schedule(epoch)
        record = one_epoch(model, method, optimizer, faces, epoch, transforms)
        _, y_hat = estimate(model, method, valid_faces, test_channels)
        history.append({"epoch": epoch} | record | {"valid_mae": mae(y_hat, y_valid)})
    return model, history


# %% [markdown]
# That is all. [`tinydldl/train/loop.py`](../tinydldl/train/loop.py) has the same loop, plus a progress bar and a guard against numbers that are not finite. And not just nearly the same: **the same to the last digit.** We train one epoch with each, the last one, which has both losses, and compare every parameter.


# %%
def fresh():
    """What a training begins with: the network and its optimizer."""
    model = AgeNet("tiny", method.outputs, side=SIDE, rng=np.random.default_rng(0))
    return model, Adam(model.params, model.grads, lr=LR)


some = Faces(train_faces.images[:48], y_train[:48], train_faces.photos.sigmas[:48])
model, optimizer = fresh()
record = one_epoch(model, method, optimizer, some, EPOCHS, ["mirror", "crop"])

theirs, their_optimizer = fresh()
run = Training(
    model=theirs, method=method, optimizer=their_optimizer, channels=channels, batch=BATCH,
    train_store=some, valid_store=some, transforms=["mirror", "crop"], seed=SEED, epochs=EPOCHS,
    schedule=lambda epoch: LR,
)  # fmt: skip
their_record, _ = train_epoch(run, EPOCHS, tqdm(disable=True))
print({name: round(float(value), 6) for name, value in record.items()})
assert record == {name: their_record[name] for name in record}
assert all((model.params[name] == theirs.params[name]).all() for name in model.params)
difference = np.abs(estimate(model, method, some, channels)[1] - evaluate(run)[1]).max()
assert difference < 1e-3, "years; batches of another size are rounded differently"

# %% [markdown]
# ## 5. Train it
#
# Now for real, with mirroring as the only augmentation. This cell takes a while. Besides the mean age we draw a second baseline, a linear model on 16 x 16 pixels (ridge regression): a network has to go beyond it to be worth its name.

# %% alt="Three panels by epoch: the joint loss jumps where the L1 part joins after epoch 16, the KL divergence in it falls from 2 to 0.65, and the MAE falls to 3 years in training and 5 in validation, below ridge regression at 8.8 and the mean age at 15.6."
model, healthy = fit(train_faces, ["mirror"])
linear = baselines.ridge(
    baselines.thumbnails(train_faces), y_train, baselines.thumbnails(valid_faces)
)
errors = {"mean age": baseline, "ridge regression": mae(linear, y_valid)}
title = f"TinyAgeNet, {SIDE} px, {len(train_faces)} faces"
plots.curves(healthy, title, errors)

# %%
first, last = healthy[0], healthy[-1]
print(f"KL {first['train_kl']:.2f} -> {last['train_kl']:.2f} nats")
print(f"validation MAE {last['valid_mae']:.2f} years")
print("baselines:", {name: round(float(error), 2) for name, error in errors.items()})
assert last["train_kl"] < first["train_kl"] and last["valid_mae"] < 0.85 * baseline
both_losses = healthy[KL_EPOCHS:]
assert all(r["train_loss"] == r["train_kl"] for r in healthy[:KL_EPOCHS])
assert all(r["train_loss"] > r["train_kl"] for r in both_losses)
if not FAST:
    assert last["valid_mae"] < 0.8 * errors["ridge regression"]
    assert last["valid_mae"] < healthy[KL_EPOCHS - 1]["valid_mae"]

# %% [markdown]
# The loss jumps where L1 joins in, two thirds of the way. Most of that is another loss, not a worse network. But for an epoch or two the network does get worse, in its KL and in both errors, before it ends better than before.
#
# The picture says more than the number. Below each face are its label distribution (blue) and the predicted distribution (orange).

# %% alt="Twelve drawn faces that were not trained on, by age: most predicted distributions lie on their targets or beside them, and that of the oldest, 88, has two hills far too young."
p_hat, y_hat = estimate(model, method, valid_faces, channels)
by_age = np.argsort(y_valid)
shown = by_age[np.linspace(0, len(by_age) - 1, 12).astype(int)]
sigmas = valid_faces.photos.sigmas[shown]
faces = plots.Shown(
    [valid_faces[i] for i in shown],
    method.grid,
    method.target(y_valid[shown], sigmas),
    p_hat[shown],
    y_valid[shown],
    sigmas,
    y_hat[shown],
)
plots.predictions(faces, "Faces that the network has not seen, from the youngest to the oldest")

# %% [markdown]
# The orange hills are **wider than the blue ones, and they should be**. The blue hill says how far the annotators differ. The orange one must also say how far the network itself is off: where $\hat p$ is small and $p$ is not, KL pays dearly (lesson 03). So the variance of a well-made $\hat p$ is that of its error plus that of the votes. Here the error is much larger than $\sigma$, so $\hat p$ is about as wide as the error is large, and its central 80% hold the true age of about 80% of the faces; those of a better network would hold more ([lesson 10](10_measuring.ipynb)).
#
# What if both losses had been there from the start? We train that network, too, and ask the same questions.


# %%
def worth(p_hat, y_hat):
    """How far off, and how wide: MAE, RMS error, spread (years), and what the central 80 % hold."""
    spread = np.sqrt((p_hat * (method.grid - y_hat[:, None]) ** 2).sum(axis=1)).mean()
    rms = np.sqrt(np.mean((y_hat - y_valid) ** 2))
    held = coverage(p_hat, y_valid, method.grid, [0.8])[0]
    print(
        f"MAE {mae(y_hat, y_valid):.2f}, RMS error {rms:.1f}, spread {spread:.1f}, held {held:.0%}"
    )
    return mae(y_hat, y_valid), rms, spread, held


at_once, _ = fit(train_faces, ["mirror"], BRIEF, method=DLDLv2(method.grid, lam=1.0))
found = worth(p_hat, y_hat)
found_at_once = worth(*estimate(at_once, method, valid_faces, channels))
assert found[2] > valid_faces.photos.sigmas.mean(), "wider than the labels"
if not FAST:
    assert 0.8 < found[2] / found[1] < 1.25 and 0.7 < found[3] < 0.9, "as wide as it is wrong"
    assert found_at_once[0] > found[0] + 0.5 and found_at_once[2] > 1.4 * found_at_once[1]

# %% [markdown]
# The second network is further off. And its hills are far too wide, even for that error: it hedges over the whole grid. L1 asks only that the *mean* be right, and it spoke first. So **the two stages matter**. [Lesson 09](09_seven_methods.ipynb) follows this up with more seeds, and looks inside.
#
# ## 6. Reading curves: augmentation off
#
# Train the same network again with the photos as they are. Which curve should change, and how? Decide before you run the cell.

# %% alt="Training and validation error by epoch, with mirroring and without: without it the training error is lower, 2 years, and the validation error higher, 6."
_, plain = fit(train_faces, [], BRIEF)


plot.errors({"with mirroring": healthy, "without": plain}, baseline)

# %% [markdown]
# ### Exercise 3
# The **gap** is the validation error minus the training error. It says how much of what the network knows is about these photos alone. Average it over the last epochs, since single epochs are noisy.


# %% exercise="gap"
def gap(history, last=4):
    """Mean of valid_mae - train_mae over the `last` epochs (all, if they are fewer), in years.

    Hint: `history[-last:]` are dicts with these two names.
    """
    ### BEGIN SOLUTION
    return np.mean([record["valid_mae"] - record["train_mae"] for record in history[-last:]])
    ### END SOLUTION


# %% test="gap" points=1
# Expect exactly 3 for the made-up history, and a larger gap without augmentation.
made_up = [{"train_mae": 5.0, "valid_mae": v} for v in (99.0, 7.0, 8.0, 8.0, 9.0)]
assert gap(made_up) == 3, (
    f"the last four: 2, 3, 3 and 4 years, and their mean is not {gap(made_up)}"
)
assert gap(made_up, last=1) == 4, f"the last epoch alone: 4 years, not {gap(made_up, last=1)}"
assert gap(made_up, last=5) == 21.2, f"all five: 21.2 years, not {gap(made_up, last=5)}"
falling = [{"train_mae": t, "valid_mae": 6.0} for t in (9.0, 7.0, 5.0, 3.0)]
assert gap(falling) == 0, f"3, 1, -1 and -3 years less: the gap is 0, not {gap(falling)}"
print(f"gap with mirroring {gap(healthy):.2f} years, without {gap(plain):.2f}")
if not FAST:
    assert gap(plain) > gap(healthy) + 0.5, "without augmentation the gap is larger"
### BEGIN HIDDEN TESTS
begun = [{"train_mae": 6.0, "valid_mae": 6.5}, {"train_mae": 4.0, "valid_mae": 6.0}]
got = gap(begun)
assert got == 1.25, f"two epochs so far, gaps of 0.5 and 2 years: {got}, expected their mean, 1.25"
assert gap(begun, last=30) == 1.25, "two epochs so far, last=30: the mean of both"
### END HIDDEN TESTS

# %%
if not FAST:
    ends = {}
    for name, history in {"mirroring": healthy, "none": plain}.items():
        ends[name] = [np.mean([r[k] for r in history[-4:]]) for k in ("train_mae", "valid_mae")]
        print(f"{name:9}: training {ends[name][0]:.2f}, validation {ends[name][1]:.2f} years")
    assert ends["none"][0] < ends["mirroring"][0] - 0.5
    assert ends["none"][1] > ends["mirroring"][1]

# %% [markdown]
# By its training error, the network without augmentation is better by far. On new photos it is not better at all: it has learned more of these photos by heart, and none of that helps. That is **overfitting**. The training curve alone would not have told you.
#
# Two things to know when you compare the curves. The training error is an average over the epoch, while the network was changing, in training mode and on augmented photos; the validation error is taken at the end of the epoch. So early on validation can lie *below* training, and that is not a bug.
#
# ## 7. The bug hunt
#
# Here are five bugs. All of them have been made, by people who knew better. Each is one changed argument to `fit`, and **none of them stops the program**.


# %%
class Divided(DLDLv2):
    """Divides the gradient by K, as if it were a mean over the labels."""

    def loss(self, logits, p, y):
        values, dlogits = super().loss(logits, p, y)
        return values, dlogits / self.outputs


divided = Divided(method.grid, lam=1.0, kl_epochs=KL_EPOCHS)
mixed = np.random.default_rng(8).permutation(len(train_faces))
shuffled = Faces(train_faces.images, y_train[mixed], train_faces.photos.sigmas[mixed])
both = Faces(
    train_faces.images + valid_faces.images,
    np.concatenate([y_train, y_valid]),
    np.concatenate([train_faces.photos.sigmas, valid_faces.photos.sigmas]),
)
SUSPECTS = {
    "the gradient is divided by K": {"method": divided},
    "validation photos are among the training photos": {"faces": both},
    "the learning rate is never lowered": {"schedule": lambda epoch: LR},
    "validation photos are only divided by 255": {"test_channels": ([0, 0, 0], [1, 1, 1])},
    "the ages belong to other photos": {"faces": shuffled},
}

# %% [markdown]
# Three of the five were planted, under the letters A, B and C. Look at the curves, not at the variable `planted`.

# %% alt="Four pairs of curves. Healthy: both fall, validation above training. A: validation stays at the mean age. B: validation falls together with training, without a gap. C: training as in the healthy run, validation at 20 years all the time."
planted = dict(zip("ABC", np.random.default_rng(37).permutation(list(SUSPECTS)), strict=False))
runs = {"healthy": healthy}
for letter, bug in planted.items():
    arguments = {"faces": train_faces, "transforms": ["mirror"]} | SUSPECTS[bug]
    _, runs[letter] = fit(epochs=BRIEF, **arguments)
plot.errors(runs, baseline)

# %% [markdown] question="hunt" points=6
# ### Question
# Name the bugs A, B and C. For each, say what in the two curves gives it away, and what else could have made the same curves. Why can the other two be ruled out?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* One point for each name, one for each reason.
#
# A: the ages belong to other photos. Validation stays near the error of the mean age, so nothing was learned that holds for a new face; training still falls a little, since wrong pairs can be learned by heart. The same curves would come from photos that carry no age at all, or from an augmentation that destroys it.
#
# B: validation photos are among the training photos. Validation is as good as training or better, and far better than in the healthy run, where a gap opens: too good to be true. Near-copies do the same, such as several photos of one person in both parts.
#
# C: validation photos are only divided by 255. Training is exactly the healthy curve, so the training itself is right; validation is bad from the first epoch on and stays so. Something differs between training and validation: other suspects are BatchNorm's running statistics if they are never updated, other colors (BGR for RGB), another crop, or the labels of another validation set.
#
# The gradient divided by K would leave both curves nearly as they are, since Adam's steps do not depend on the scale of the gradient. A learning rate that is never lowered would also look nearly healthy, just more restless toward the end. Neither makes validation flat, bad, or too good.
# <!-- ### END SOLUTION -->

# %% [markdown]
# Write your answer down before you go on: the next cell lifts the mask, and asserts what gave each bug away.

# %%
by_bug = {bug: runs[letter] for letter, bug in planted.items()}
for letter, bug in planted.items():
    end = runs[letter][-1]
    print(f"{letter}: {bug} (training {end['train_mae']:.1f}, validation {end['valid_mae']:.1f})")

mixed_run = by_bug["the ages belong to other photos"]
leak_run = by_bug["validation photos are among the training photos"]
raw_run = by_bug["validation photos are only divided by 255"]
assert [r["train_mae"] for r in raw_run] == [r["train_mae"] for r in healthy[: len(raw_run)]]
if not FAST:
    assert min(r["valid_mae"] for r in mixed_run[-8:]) > 0.9 * baseline
    assert gap(leak_run) < 0.3 < gap(healthy) - 0.7
    assert min(r["valid_mae"] for r in raw_run) > 1.5 * healthy[-1]["valid_mae"]

# %% [markdown]
# ## 8. Checks that would have caught them
#
# Curves raise suspicion; a check names the bug, and it runs before training, in a second. Each bug needs its own.
#
# **Ages that belong to other photos.** Overfitting eight faces does not find this: a network learns wrong ages by heart as well as right ones. But wrong pairs leave nothing to *generalize*. With right pairs even ridge regression beats the mean age by far on new photos; with shuffled pairs it gains next to nothing, just what chance has left. Here is its error, as a share of the error of the mean age.


# %%
def linear_error(faces):
    """MAE on the validation photos of ridge regression, learned from `faces`, over the baseline."""
    pixels, new_pixels = baselines.thumbnails(faces), baselines.thumbnails(valid_faces)
    return mae(baselines.ridge(pixels, faces.photos.ages, new_pixels), y_valid) / baseline


print(f"right pairs {linear_error(train_faces):.2f}, mixed pairs {linear_error(shuffled):.2f}")
assert linear_error(train_faces) < 0.8 < linear_error(shuffled)


# %%
def caught(check, *arguments, **options):
    """The message of a check that raises AssertionError, None if it is silent."""
    try:
        check(*arguments, **options)
    except AssertionError as error:
        return str(error) or "(no message)"


# %% [markdown]
# ### Exercise 4
# **Photos that come in differently.** What enters the network at validation must look, as numbers, like what entered it in training. Write a check of the mean and standard deviation of each channel.


# %% exercise="inputs"
def check_inputs(x_train, x_valid, tolerance=0.5):
    """Raise AssertionError unless both (N, H, W, 3) have about the same channels.

    In each channel the means and the standard deviations may differ by `tolerance`.
    Hint: `.mean(axis=(0, 1, 2))` gives three numbers.
    """
    ### BEGIN SOLUTION
    for statistic in (np.mean, np.std):
        seen, new = (statistic(x, axis=(0, 1, 2)) for x in (x_train, x_valid))
        assert np.abs(seen - new).max() < tolerance, f"{statistic.__name__}: {seen} against {new}"
    ### END SOLUTION


# %% test="inputs" points=2
# Expect silence for the right photos, and an AssertionError for those divided by 255 only.
new = np.stack(valid_faces.images)
right = normalize(new, *channels)
one_lighter, one_flat = right + np.float32([0, 0, 1]), right * np.float32([1, 0.25, 1])
assert caught(check_inputs, x, right) is None, "these photos are right, and the check says no"
for what, wrong in {
    "divided by 255 only": normalize(new, [0, 0, 0], [1, 1, 1]),
    "with the right mean and the wrong std": normalize(new, channels[0], [1, 1, 1]),
    "with the right std, all of them lighter": right + 1,
    "with the right std, all of them darker": right - 1,
    "with a lighter blue": one_lighter,
    "with a flat green": one_flat,
}.items():
    message = caught(check_inputs, x, wrong)
    print(f"{what}: {message}")
    assert message, f"photos {what}, and the check is silent"
assert caught(check_inputs, x, right + 1, tolerance=1.5) is None, "tolerance 1.5, and off by 1"
assert caught(check_inputs, x, right + 1, tolerance=0.8), "tolerance 0.8, and off by 1"
### BEGIN HIDDEN TESTS
noisy = np.random.default_rng(8).standard_normal((40, 6, 5, 3)).astype(np.float32)
flat = np.ones((10, 4, 7, 3), dtype=np.float32)
flat[::2] = -1  # each photo of one color; all of them together have the mean 0 and the std 1
said = caught(check_inputs, noisy, flat)
assert said is None, f"mean 0 and std 1 on both sides, each over all photos, and the check: {said}"
for off, tolerance in ((0.05, 0.01), (-40.0, 30.0)):
    moved = noisy + np.float32([off, 0, 0])
    assert caught(check_inputs, noisy, moved, tolerance), f"red off by {off}: {tolerance} allowed"
    assert caught(check_inputs, moved, noisy, tolerance), f"red off by {-off}: {tolerance} allowed"
    said = caught(check_inputs, noisy, moved, 2 * abs(off))
    assert said is None, f"red off by {off}, {2 * abs(off)} allowed, and the check: {said}"
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5
# **Photos that have been seen before.** Write a check that no photo is in both parts. Comparing each with each takes as many comparisons as the product of the two counts; a `set` of the photos' bytes takes one lookup each.


# %% exercise="leak"
def check_no_leak(train_images, valid_images):
    """Raise AssertionError, with their count, if validation photos are among the training photos.

    Hint: `image.tobytes()` can be an element of a set.
    """
    ### BEGIN SOLUTION
    seen = {image.tobytes() for image in train_images}
    leaked = sum(image.tobytes() in seen for image in valid_images)
    assert leaked == 0, f"{leaked} of {len(valid_images)} validation photos are trained on"
    ### END SOLUTION


# %% test="leak" points=2
# Expect silence for our parts, and an AssertionError that counts every leaked photo.
assert caught(check_no_leak, train_faces.images, valid_faces.images) is None, "no photo is in both"
for count in (1, 7, len(valid_faces)):
    leaky = [*train_faces.images, *(image.copy() for image in valid_faces.images[-count:])]
    message = caught(check_no_leak, leaky, valid_faces.images)
    print(f"caught: {message}")
    assert message, f"photos in both: {count}, and the check is silent"
    named = {int(number) for number in re.findall(r"\d+", message)}
    assert count in named, f"photos in both: {count}, and the message does not say so: {message}"
    more = named - {count, len(leaky), len(valid_faces)}
    assert not more, f"photos in both: {count}; what does the message count with {more}?"
### BEGIN HIDDEN TESTS
others = list(np.random.default_rng(9).integers(0, 256, (14, 3, 5, 3)).astype(np.uint8))
for more, again, count in ((3 * others[8:9], [], 1), (others[8:10], 2 * others[9:10], 4)):
    held_out = others[8:] + again
    message = caught(check_no_leak, others[:8] + more, held_out)
    assert message, "a validation photo among the training photos, and the check is silent"
    named = {int(number) for number in re.findall(r"\d+", message)}
    assert count in named, (
        f"{count} of {len(held_out)} validation photos are also in training, {len(more)} copies "
        f"in all, and the message is: {message}"
    )
    assert not named - {count, len(held_out), 8 + len(more)}, f"what does this count: {message}?"
### END HIDDEN TESTS

# %% [markdown]
# And the two that were not planted? The learning rate that is never lowered is caught by one line that asks the schedule you meant, `assert optimizer.lr == rate(epoch)`; to ask `schedule`, the argument, would see nothing, since that is what is wrong. The gradient divided by $K$ leaves hardly a trace: Adam divides the gradient by its own size, so a constant factor cancels (lesson 07). With plain gradient descent the steps would be 101 times too small. A bug that an optimizer hides is still a bug, and only a gradient check finds it:

# %%
twins = {}
for name, trained in {"right": method, "divided": divided}.items():
    twin, optimizer = fresh()
    twins[name] = one_epoch(twin, trained, optimizer, some, 1, [])["train_loss"]
print(f"loss of an epoch: right {twins['right']:.4f}, divided {twins['divided']:.4f}")
assert abs(twins["divided"] / twins["right"] - 1) < 0.02

for trained in (method, divided):
    trained.begin(EPOCHS)  # with both losses
rng = np.random.default_rng(2)
logits, y, h = rng.standard_normal((1, 101)), np.array([30.0]), 1e-5
p, bump = method.target(y, np.array([2.0])), np.zeros((1, 101))
bump[0, 40] = h
above, below = (method.loss(logits + b, p, y)[0][0] for b in (bump, -bump))
numeric = (above - below) / (2 * h)
right, wrong = (m.loss(logits, p, y)[1][0, 40] for m in (method, divided))
print(f"dlogits: numeric {numeric:.8f}, right {right:.8f}, divided {wrong:.8f}")
assert abs(right / numeric - 1) < 1e-6 and abs(numeric / wrong - 101) < 1e-3

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. In validation the answer is the mean of two distributions, for the photo and for its mirror image. Show that this can never be worse, on average over the two, in the MAE of the expectation and in the KL divergence. For which photos does the MAE gain nothing at all? And why may the *mode* get worse?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The expectation of the mean is the mean of the expectations, and |(a + b) / 2| is at most (|a| + |b|) / 2. KL(p, q) is convex in q, since -ln is, so KL of the mean is at most the mean of the two. The MAE gains nothing where both estimates are on the same side of the truth: mirroring helps only where they contradict each other about the sign, and cannot remove a bias. The mode is no mean of modes: for a true age of 30, hills at 30 and at 40 are off by 5 on average, but if the one at 40 is a little higher, the mode of their mean is 40, off by 10. If both have a second, lower hill at the same far label, it may even be that one, farther off than both. One point for each of the two inequalities, one for photos without a gain or the mode.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * A training step: target, forward, loss, backward, optimizer. An epoch: a new order, new random changes, every photo once.
# * Augmentation changes the photo and not the label. Without it the gap between training and validation grows.
# * The noise floor is proportional to the learning rate; hence the schedule.
# * KL alone first, then both losses: from random weights L1 would lead. A good $\hat p$ is as wide as its error and the votes together.
# * Judge by validation, against a baseline, and look at the pictures.
# * Both curves flat, validation bad from the start, validation too good: three shapes, three kinds of bug. Curves raise suspicion, a check names the bug.
#
# On your own machine, `make train` does all of this with 3,000 faces of 48 pixels.
#
# ## Further reading
# * B.-B. Gao, H.-Y. Zhou, J. Wu, X. Geng, *Age Estimation Using Expectation of Label Distribution Learning*, IJCAI 2018: the method, its augmentation and schedule.
# * A. Karpathy, *A Recipe for Training Neural Networks*, 2019 (karpathy.github.io): the order in which to look for what is wrong.
# * L. Bottou, F. E. Curtis, J. Nocedal, *Optimization Methods for Large-Scale Machine Learning*, SIAM Review, 2018: why a fixed learning rate leaves a noise floor.
# * Back to [lesson 04](04_expectation_and_joint_loss.ipynb) for the loss, or to [lesson 07](07_a_network.ipynb) for the network.
