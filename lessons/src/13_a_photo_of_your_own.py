# %% [markdown]
# # Lesson 13: A photo of your own
#
# | | |
# |---|---|
# | **You will be able to** | say how a face of any size is found, derive and program the alignment by five landmarks, ask trained weights about a photo, and say how good their answer is, for whom, and what it must not be used for |
# | **You need** | lesson 05 (convolution), lesson 10 (measuring); complex numbers, least squares, the normal distribution |
# | **Minutes** | 110 |
# | **Code** | [`tinydldl/faces/`](../tinydldl/faces/__init__.py): [`detector.py`](../tinydldl/faces/detector.py), [`boxes.py`](../tinydldl/faces/boxes.py), [`align.py`](../tinydldl/faces/align.py); [`portraits.py`](../tinydldl/predict/portraits.py) |

# %%
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: a second thread would only wait

from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.optimize import brentq
from scipy.special import erf
from scipy.stats import laplace, norm

import tinydldl
from tinydldl import trained, weights
from tinydldl.datasets.synthetic import draw_face, sample_age
from tinydldl.faces import SHAPES, Face, boxes, detect, detector, networks
from tinydldl.faces.align import similarity, warp
from tinydldl.images import FILL, open_photo
from tinydldl.metrics import coverage, mae
from tinydldl.notebook import FAST, figures, slider, use_style
from tinydldl.predict.portraits import portraits

use_style()
plot = figures("13")
rng = np.random.default_rng(13)

# %% [markdown]
# Our photo is one that anybody may use: the astronaut Eileen Collins, by NASA, in the public domain. The left eye, the right eye, the nose, and the left and right corners of the mouth are its **landmarks**, left and right as you see them in the photo. In the next cell they are set by hand and by eye; three networks find them without help.

# %%
photo = open_photo(Path(tinydldl.__file__).parents[1] / "docs" / "astronaut.jpg")
BY_HAND = np.array([[203.0, 101], [246, 103], [224, 127], [203, 140], [245, 141]])
(face,) = detect(photo)
far = np.abs(face.landmarks - BY_HAND).max()
print(f"landmarks: at most {far:.1f} pixels from those set by hand")
assert far < 4, "the networks see the face where we see it"

# %% [markdown]
# Here is the whole way, in three steps: **find** the face, **align** it so that eyes and mouth lie where the network expects them, **ask** for a distribution over ages. The weights ship with tinydldl; nobody has tuned them for this photo.

# %% alt="A photo of an astronaut with a box around the face, the face cut out and upright, and the estimated distribution, with expectation 29, to the left of her age."
network = trained.load(weights.find("tiny"))
(portrait,) = portraits(network, photo, [face])
grid, p_hat, y_hat = portrait.grid, portrait.p_hat, portrait.y_hat

plot.three_steps(photo, face, portrait, network, grid, p_hat, y_hat)
assert abs(p_hat.sum() - 1) < 1e-5 and abs(p_hat @ grid - y_hat) < 1e-3

# %% [markdown]
# The patch on her suit names the crew of STS-93, who flew in July 1999, when she was 42; so in the photo she is in her early forties. How good the answer is, and whether that question even makes sense for one photo, comes in section 4. First the three steps.
#
# ## 1. Find: one small network for faces of every size
#
# The first of the three networks of MTCNN, **P-Net**, looks at a square of 12×12 pixels and says how probable it is that this is a face. It has no Linear layer, only convolutions and a pooling, so it takes a photo of any size and answers for *all* squares at once, two pixels apart (the stride of its pooling). Check: with random weights, the answer at row $r$ and column $c$ is what it says about the square that starts at $(2r, 2c)$, alone.

# %%
pnet = networks.CascadeNet("pnet")  # random weights: this holds for any
x = detector.normalize(detector.resize(photo, 0.1))[None]
answers = pnet.forward(x)["face"]
for r, c in ((0, 0), (3, 17), (11, 5), (19, 19)):
    alone = pnet.forward(x[:, 2 * r : 2 * r + 12, 2 * c : 2 * c + 12])["face"]
    assert alone.shape == (1, 1, 1) and abs(alone.item() - answers[0, r, c]) < 1e-6
print(f"a photo {x.shape[1:3]} gets {answers[0].size} answers in one pass")

# %% [markdown]
# But a face is seldom 12 pixels wide. Make the photo smaller, and a large face fits into the 12 pixels. So P-Net looks at a **pyramid** of photos, each $f$ times as large as the last. Squares of 12 pixels in a photo that is $a$ times as large are squares of $12/a$ pixels in the original: sizes 40, $40/f$, $40/f^2$, ... until the photo itself is too small. The row below shows what P-Net sees around the same place at every level.

# %% alt="A pyramid of ever smaller copies of the photo, and below it what a window of 12 pixels sees in each, with its score: it is close to 1 where the face fills the window, and low where it sees a part or much more."
levels = list(detector.scales(photo.size, smallest=40))
sizes = np.array([detector.CELL / a for a in levels])
center = (face.box[:2] + face.box[2:]) / 2
squares = np.hstack([center - sizes[:, None] / 2, center + sizes[:, None] / 2]).round()
seen = detector.patches(photo, squares, detector.CELL)
scores = networks.load("pnet").forward(seen)["face"].ravel()
assert detector.CELL == 12 and np.allclose(sizes[1:] / sizes[:-1], 1 / detector.FACTOR)
assert min(photo.size) * levels[-1] >= 12 > min(photo.size) * levels[-1] * detector.FACTOR

copies = [detector.resize(photo, a) for a in levels]
plot.pyramid(levels, copies, center, seen, sizes, scores)
fits = np.abs(np.log(sizes / (face.box[3] - face.box[1]))).argmin()
print(f"the face is {face.box[3] - face.box[1]:.0f} pixels high; best level {sizes[fits]:.0f}")
assert scores[fits] == scores.max() > 0.95 and scores[0] < 0.1
assert scores[fits - 1] > 0.6, "a face between two levels is seen in both"
assert scores[fits + 3 :].max() > 0.6, "and sometimes it sees one in a whole scene"

# %% [markdown]
# Green: more than 0.6, so P-Net lets it pass. It sees the face at the levels where the face fills the square, but not where there is only a nose. It also likes a square of which the face is only a small part; it is a small network, and others will correct it.
#
# **Which factor?** A face between two sizes is off by a factor of at most $\sqrt{1/f}$ from the nearer one; P-Net must forgive that much. The price is the number of pixels. Each level has $f^2$ times as many as the last, so the pyramid has, in units of its first level,
#
# $$ 1 + f^2 + f^4 + \dots = \frac{1}{1 - f^2} . $$
#
# MTCNN has $f = 0.709 \approx \sqrt{1/2}$: each level has half the pixels of the last, and all levels together have twice those of the first.

# %%
for f in (0.5, 0.709, 0.9):
    series = sum(f ** (2 * i) for i in range(1000))
    print(f"f = {f}: off by at most {np.sqrt(1 / f) - 1:3.0%}, costs {series:.2f} first levels")
    assert abs(series - 1 / (1 - f**2)) < 1e-12
pixels = [np.prod(detector.resize(photo, a).size) for a in levels]
print(f"our {len(levels)} levels: {sum(pixels) / pixels[0]:.2f} first levels")
assert abs(sum(pixels) / pixels[0] - 2) < 0.05

# %% [markdown]
# ### One face, many boxes
#
# A face is seen in several neighboring squares, and at several levels. We want one box per face. **Non-maximum suppression:** keep the box with the best score, drop all that share too much with it, and go on with the best that is left. How much two boxes share is measured by their **intersection over union**,
#
# $$ \text{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|} = \frac{|A \cap B|}{|A| + |B| - |A \cap B|} , $$
#
# 1 for the same box, 0 for boxes apart. A square and the same square moved by half its side have a half in common and $1\frac12$ as their union: $\frac13$.
#
# ### Exercise 1
# Write both.


# %% exercise="suppress" stands_for="faces.boxes.suppress faces.boxes.intersection_over_union faces.boxes.intersection"
def iou(box, others):
    """Intersection over union of a box (4,), left, top, right, bottom, with others (N, 4): (N,).

    Hint: the intersection reaches from the larger of the two lefts to the smaller of the two
    rights. It has no area if that is negative.
    """
    ### BEGIN SOLUTION
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.maximum(size, 0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + areas - common)
    ### END SOLUTION


def suppress(candidates, scores, limit):
    """Indices of the boxes (N, 4) that stay, best first: none has an IoU over `limit` with another.

    Hint: `left = np.argsort(-scores)` are those not decided yet, best first.
    """
    ### BEGIN SOLUTION
    kept, left = [], np.argsort(-scores)
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[iou(candidates[best], candidates[left]) <= limit]
    return kept
    ### END SOLUTION


# %% test="suppress" points=2
# By hand: B is A moved by half its side, C is B moved by half, D is A's quarter, E is apart.
A, B, C, D, E = [0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [0, 0, 5, 5], [30, 30, 40, 40]
hand = np.array([A, B, C, D, E], dtype=float)
shares = iou(hand[0], hand)
print("IoU with A:", shares.round(3))
assert np.allclose(shares, [1, 1 / 3, 0, 1 / 4, 0]), f"IoU of A with A to E: {shares}"
by_score = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
before = hand.copy(), by_score.copy()
kept = list(suppress(hand, by_score, 0.3))
assert kept == [0, 2, 3, 4], f"B goes, so C stays: kept {kept}"
kept = list(suppress(hand, by_score, 0.2))
assert kept == [0, 2, 4], f"limit 0.2: D goes, too; kept {kept}"
kept = list(suppress(hand, by_score[[1, 0, 2, 3, 4]], 0.3))
assert kept == [1, 3, 4], f"B first: A and C go; kept {kept}"
kept = list(suppress(hand[[0, 3]], by_score[:2], 0.25))
assert kept == [0, 1], f"an IoU of just the limit is not over it: kept {kept}"
assert np.array_equal(hand, before[0]) and np.array_equal(by_score, before[1]), "do not change them"
corner = rng.uniform(0, 40, (200, 2))
many = np.hstack([corner, corner + rng.uniform(5, 25, (200, 2))])
chance = rng.permutation(200) / 200
expected = boxes.intersection_over_union(many[7], many)
assert np.allclose(iou(many[7], many), expected), "200 random boxes: not the package's IoU"
for limit in (0.1, 0.5, 0.7):
    kept = list(suppress(many, chance, limit))
    assert kept == boxes.suppress(many, chance, limit).tolist(), f"limit {limit}: others stay"
    print(f"limit {limit}: {len(kept)} of 200 random boxes stay")
### BEGIN HIDDEN TESTS
# Faces at the border: boxes may begin left of the picture and above it.
outside = np.array([[-40.0, -40, 0, 0], [-30, -40, 10, 0], [-40, -1, 0, 39], [-80, -80, 40, 40]])
shares = iou(outside[0], outside)
expected = [1, 30 / 50, 40 / 3160, 1600 / 14400]
assert np.allclose(shares, expected), f"boxes over the border: {shares}, expected {expected}"
for limit, stay in ((0.0, [3]), (0.2, [3, 2, 1]), (0.61, [3, 2, 1, 0])):
    kept = list(suppress(outside, np.array([-4.0, -3.0, -2.0, -1.0]), limit))
    assert kept == stay, f"boxes over the border, limit {limit}: kept {kept}, expected {stay}"
assert not list(suppress(np.zeros((0, 4)), np.zeros(0), 0.5)), "no box: none stays"
### END HIDDEN TESTS

# %% [markdown]
# The price: two people cheek to cheek, whose true boxes share more than the limit, are taken for one.
#
# ### Three networks, each slower and stricter
#
# P-Net is tiny, and often wrong. **R-Net** looks again, at 24 pixels, only at what P-Net let pass; **O-Net**, at 48 pixels, only at what R-Net let pass, and adds the landmarks. Each also moves the sides of the box.

# %% alt="The photo three times with boxes: the first network lets 54 pass, all over the picture, the second 8 around the face, the third one."
proposed = detector.propose(photo, 40)
refined = detector.refine(photo, proposed)
concluded, score, points = detector.conclude(photo, refined, detector.SCORE)
stages = {"P-Net": proposed, "R-Net": refined, "O-Net": concluded}
plot.stages(stages, photo, points)
assert len(proposed) > 3 * len(refined) > 3 * len(concluded) == 3
assert np.allclose(points[0], face.landmarks) and score[0] == face.score

# %% [markdown]
# Why not O-Net everywhere? Count multiply-adds (lesson 05): the cascade as it ran, and O-Net on every square that P-Net looked at.


# %%
def cost(name, shape):
    """Multiply-adds of one of the networks, body and heads, for an input of `shape`."""
    net = networks.CascadeNet(name)
    features = net.body.output_shape(shape)
    heads = sum(head.multiply_adds(features) for head in net.heads.values())
    return net.body.multiply_adds(shape) + heads


shapes = [(*detector.resize(photo, a).size[::-1], 3) for a in levels]
looked_at = sum(np.prod(networks.CascadeNet("pnet").body.output_shape(s)[:2]) for s in shapes)
everywhere = looked_at * cost("onet", (48, 48, 3))
print(f"P-Net looks at {looked_at:,} squares; O-Net on all: {everywhere / 1e9:.0f} billion")
asked = {"rnet": (24, len(proposed)), "onet": (48, len(refined))}
cascade = sum(cost("pnet", s) for s in shapes)
cascade += sum(n * cost(name, (side, side, 3)) for name, (side, n) in asked.items())
print(f"the cascade: {cascade / 1e9:.2f} billion, {everywhere / cascade:.0f} times fewer")
assert everywhere > 100 * cascade

# %% [markdown]
# ## 2. Align: the similarity transform
#
# The landmarks lie somewhere in the photo, at $p_1, \dots, p_5$; in the photos that the network learned from they lie at $t_1, \dots, t_5$. Which rotation, scale and shift brings the $p_i$ nearest to the $t_i$?
#
# Write a point $(x, y)$ as the complex number $x + iy$. Multiplying by $z = s\,e^{i\theta}$ scales by $s$ and rotates by $\theta$. So we look for two complex numbers, $z$ and the shift $b$, that make
#
# $$ S(z, b) = \sum_i |z p_i + b - t_i|^2 $$
#
# smallest. **First $b$.** For any $z$ the best shift brings mean to mean, $b = \bar t - z \bar p$ (the mean of $t_i - z p_i$ minimizes the sum of squares). So subtract the means; from here on $p_i$ and $t_i$ are measured from them. **Then $z$.** Expand, with $|u - v|^2 = |u|^2 - 2 \operatorname{Re}(\bar u v) + |v|^2$:
#
# $$ S(z) = |z|^2 P - 2 \operatorname{Re}(\bar z c) + T, \qquad P = \sum_i |p_i|^2, \quad c = \sum_i \bar p_i t_i, \quad T = \sum_i |t_i|^2 , $$
#
# and complete the square, as in school:
#
# $$ S(z) = P \left| z - \frac cP \right|^2 - \frac{|c|^2}{P} + T \qquad\Longrightarrow\qquad z = \frac{c}{P} = \frac{\sum_i \bar p_i t_i}{\sum_i |p_i|^2} . $$
#
# No derivatives, no matrices. It is the slope of a regression line through the origin, with complex numbers. What is left over is $T - |c|^2 / P$.
#
# ### Exercise 2
# Write it. In real numbers $z = a + ib$ is the matrix $\begin{pmatrix} a & -b \\ b & a \end{pmatrix}$.


# %% exercise="similarity" stands_for="faces.align.similarity"
def best_similarity(points, targets):
    """The matrix (2, 3), A beside b, that brings `points` (N, 2) nearest to `targets` (N, 2).

    Hint: points @ [1, 1j] are the complex numbers. `np.vdot(p, t)` is sum conj(p_i) t_i.
    """
    ### BEGIN SOLUTION
    p, t = points @ [1, 1j], targets @ [1, 1j]
    centered = p - p.mean()
    z = np.vdot(centered, t - t.mean()) / np.vdot(centered, centered).real
    b = t.mean() - z * p.mean()
    return np.array([[z.real, -z.imag, b.real], [z.imag, z.real, b.imag]])
    ### END SOLUTION


# %% test="similarity" points=2
# Expect a known rotation, scale and shift back to 1e-9, and the package's matrix to 1e-12.
def apply(matrix, points):
    """A p + b for each of points (N, 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


angle, scale = np.radians(-37), 0.8
turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
known = np.column_stack([turn, [123.4, -56.7]])
landmarks = face.landmarks.copy()
back = best_similarity(landmarks, apply(known, face.landmarks))
assert np.array_equal(landmarks, face.landmarks), "points belong to the face: do not change them"
assert back.shape == (2, 3), f"shape {back.shape}, expected (2, 3)"
off = np.abs(back - known).max()
print(f"largest difference from the known one: {off:.1e}")
assert off < 1e-9, f"a known rotation, scale and shift: found\n{back}\nexpected\n{known}"
for _ in range(5):
    points, targets = rng.standard_normal((2, 5, 2))
    off = np.abs(best_similarity(points, targets) - similarity(points, targets)).max()
    assert off < 1e-12, f"points that do not fit exactly: off by {off:.2g} from the package"
### BEGIN HIDDEN TESTS
for count in (2, 3, 68):
    many_points, aims = np.random.default_rng(count).normal(500, 80, (2, count, 2))
    found = best_similarity(many_points, aims)
    # The same by least squares in the four unknowns (z.real, z.imag, b.real, b.imag).
    px, py, one, none = *many_points.T, np.ones(count), np.zeros(count)
    equations = np.stack([[px, -py, one, none], [py, px, none, one]]).transpose(0, 2, 1)
    a, b, tx, ty = np.linalg.lstsq(equations.reshape(-1, 4), aims.T.ravel())[0]
    expected = np.array([[a, -b, tx], [b, a, ty]])
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6), (
        f"{count} points: found\n{found}\nexpected\n{expected}"
    )
### END HIDDEN TESTS

# %% [markdown]
# Two checks from outside. (1) With $z = a + ib$ and $b = c + id$ each landmark gives two real equations in **four unknowns**, $a x - b y + c = u$ and $b x + a y + d = v$: ten equations, which NumPy's least squares solves. (2) Umeyama's solution, for points in any dimension, by singular values. And the residual is the one we derived.


# %%
def by_lstsq(points, targets):
    """The same from the real system: rows (x, -y, 1, 0) and (y, x, 0, 1) for a, b, c, d."""
    x, y = points.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = np.vstack([np.column_stack([x, -y, one, zero]), np.column_stack([y, x, zero, one])])
    a, b, c, d = np.linalg.lstsq(rows, targets.T.ravel())[0]
    return np.array([[a, -b, c], [b, a, d]])


def by_umeyama(points, targets):
    """The same from the singular values of the covariance U D V': A = s U V', s = tr(D) / var."""
    p, t = points - points.mean(axis=0), targets - targets.mean(axis=0)
    U, D, Vt = np.linalg.svd(t.T @ p)
    no_mirror = np.array([1, np.linalg.det(U @ Vt)])  # the second is -1 where U V' would mirror
    A = (D @ no_mirror) / (p**2).sum() * (U * no_mirror) @ Vt
    return np.column_stack([A, targets.mean(axis=0) - A @ points.mean(axis=0)])


for _ in range(20):
    points, targets = rng.standard_normal((2, 5, 2))
    found = similarity(points, targets)
    assert np.abs(found - by_lstsq(points, targets)).max() < 1e-12
    assert np.abs(found - by_umeyama(points, targets)).max() < 1e-12
    p, t = (q @ [1, 1j] - (q @ [1, 1j]).mean() for q in (points, targets))
    rest = np.vdot(t, t).real - np.abs(np.vdot(p, t)) ** 2 / np.vdot(p, p).real
    assert abs(((apply(found, points) - targets) ** 2).sum() - rest) < 1e-12
print("twenty random cases: complex numbers, lstsq and Umeyama agree to 1e-12")

# %% [markdown]
# **No mirror images.** The matrix of $z$ has determinant $a^2 + b^2 = |z|^2 > 0$, so it never flips a face over. A flip is $p \mapsto \bar p$, and no multiplication can do that. So what if somebody stores the eyes in the wrong order, left and right from *the person's* point of view? Then the targets are a mirror image, $t_i = -\bar p_i$ if our shape is symmetric, and
#
# $$ z = -\frac{\sum_i \bar p_i \, \bar p_i}{P} = -\frac{\operatorname{Re} \sum_i p_i^2}{P} = \frac{\sum y_i^2 - \sum x_i^2}{\sum x_i^2 + \sum y_i^2} : $$
#
# the face shrinks to next to nothing, because it is about as tall as it is wide (if it is wider, it even ends up upside down). If a crop shows the whole room, check the order of the landmarks.

# %%
shape = SHAPES["utkface"]
SWAP = [1, 0, 2, 4, 3]  # the same five, with left and right exchanged
x, y = (shape - shape.mean(axis=0)).T
swapped = similarity(shape[SWAP], shape)
assert np.allclose(swapped[:, 0], [((y**2).sum() - (x**2).sum()) / (x**2 + y**2).sum(), 0])


def left_over(landmarks):
    """The share of T, 0 to 1, that the best similarity leaves."""
    rest = apply(similarity(landmarks, shape), landmarks) - shape
    return (rest**2).sum() / (x**2 + y**2).sum()


shares = {"her landmarks": left_over(face.landmarks), "swapped": left_over(face.landmarks[SWAP])}
print(f"scale of the shape on its swapped self: {swapped[0, 0]:.2f}")
print("left over:", {name: f"{share:.1%}" for name, share in shares.items()})
assert 0 < swapped[0, 0] < 0.15 and shares["her landmarks"] < 0.05 and shares["swapped"] > 0.9

# %% [markdown] question="swapped" points=2
# ### Question
# A colleague aligns 10,000 photos with a tool that calls the eye on the right of the photo "left eye". Nobody looks at the crops. Which single number, computed for each photo, would have told her, and why is it small for good landmarks?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The residual: how far the transformed landmarks are from their places, as a mean distance or as $T - |c|^2/P$, a share of T. Good landmarks are nearly a turned, scaled and shifted copy of the shape, which a similarity removes entirely; faces differ from one another by a few percent only. A mirror image is not such a copy, so nearly all of T is left. (The scale |z| would tell, too: crops that show ten times too much.) One point for the residual (or the scale), one for the reason.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ### Why not fit the landmarks better?
#
# A general **affine** map has six unknowns instead of four: it may also stretch and shear. It always fits the five landmarks at least as well. Two reasons speak against it.
#
# *It changes the face.* Make a face 15% broader: the affine map makes it narrow again, exactly, and every face gets the same proportions. But proportions tell a child from an adult. The similarity leaves them alone.
#
# *It fits the noise.* Each unknown absorbs noise. Let the landmarks be off by noise of variance $s^2$ in $x$ and in $y$ (in pixels of the crop, and small), and ask how far a point $q$ of the crop, measured from the mean of the landmarks, moves. For the similarity the error of $z$ has variance $2 s^2 / P$ and that of the shift $2 s^2 / N$; for the affine map regression gives the same with a matrix:
#
# $$ \operatorname{E} |\delta_q|^2 = 2 s^2 \left( \frac1N + \frac{|q|^2}{P} \right), \qquad \operatorname{E} |\delta_q|^2 = 2 s^2 \left( \frac1N + q^\top M^{-1} q \right), \quad M = \sum_i p_i p_i^\top . $$
#
# $P$ is the trace of $M$. If the landmarks spread equally in both directions, then $M = \frac P2 I$, and the second term is **twice** as large: chin, hairline and ears, far from the landmarks, are where it shows.


# %% alt="Left, crops by noisy landmarks: those by a similarity stay faces, those by an affine map are also stretched and sheared. Right, the error of the crop grows with the noise, a third faster for the affine map, as the formulas say."
def best_affine(points, targets):
    """The affine map (2, 3), six unknowns, by least squares."""
    rows = np.column_stack([points, np.ones(len(points))])
    return np.linalg.lstsq(rows, targets)[0].T


broad = (shape - 0.5) * [1.15, 1] + 0.5
assert np.allclose(apply(best_affine(broad, shape), broad), shape), "all that was special is gone"
narrow = np.linalg.svd(similarity(broad, shape)[:, :2])[1]
assert np.isclose(*narrow), "the similarity stretches as much in x as in y"

side = 96
places = side * shape
corners = np.stack(np.meshgrid(*[np.arange(0, side + 1, 8.0)] * 2), axis=-1).reshape(-1, 2)
q, p = corners - places.mean(axis=0), places - places.mean(axis=0)
M = p.T @ p
theory = {
    "similarity": 2 * (1 / 5 + (q**2).sum(axis=1) / np.trace(M)).mean(),
    "affine": 2 * (1 / 5 + ((q @ np.linalg.inv(M)) * q).sum(axis=1)).mean(),
}
fits = {"similarity": similarity, "affine": best_affine}
draws = np.random.default_rng(0).standard_normal((400, 5, 2))


def off_by(fit, s):
    """How far the points of the crop are off, root mean square, for noise of s pixels."""
    ends = [apply(fit(places + s * draw, places), corners) for draw in draws]
    return np.sqrt(((ends - corners) ** 2).sum(axis=-1).mean())


spreads = np.array([0.5, 1, 1.5, 2, 2.5, 3])
measured = {name: np.array([off_by(fit, s) for s in spreads]) for name, fit in fits.items()}

noisy = [apply(similarity(places, face.landmarks), places + 6 * draw) for draw in draws[:4]]
crops = {
    name: [warp(photo, fit(wrong, places), side) for wrong in noisy] for name, fit in fits.items()
}
plot.noisy_crops(crops, measured, spreads, theory, side)
print({name: round(float(np.sqrt(value)), 2) for name, value in theory.items()}, "times the noise")
for name, values in measured.items():
    assert np.allclose(values, np.sqrt(theory[name]) * spreads, rtol=0.06)
assert theory["affine"] - 2 / 5 > 1.9 * (theory["similarity"] - 2 / 5)

# %% [markdown]
# Left: the same photo four times, with landmarks that are off by 6 pixels. In the upper row she is turned and shifted a little. In the lower row she has a different face each time.
#
# ## 3. The warp: computed backward
#
# The matrix says where each pixel of the *photo* goes. It is tempting to send each one there. But if the crop is larger than the face, there are not enough of them: pixels of the photo, one for each unit of area, are spread over an area $|z|^2$ times as large, so they can fill at most $1 / |z|^2$ of the crop. If the crop is smaller, several fall onto the same place.
#
# So go through the pixels of the **crop** instead. For each, ask where it comes from, $p = A^{-1}(q - b)$, and look at the photo there. Between pixel centers, mix the four nearest, by **bilinear** interpolation. Every pixel of the crop gets exactly one value.
#
# ### Exercise 3
# Write the backward warp. Mind the half pixels: pixel $(0, 0)$ covers the square from $(0, 0)$ to $(1, 1)$, so its center is at $(\frac12, \frac12)$, in the photo and in the crop.


# %% exercise="warp" stands_for="faces.align.warp"
def warp_backward(pixels, matrix, side):
    """The crop (side, side, 3) of pixels (H, W, 3), floats, by the matrix (2, 3) from photo to crop.

    All of the crop lies within the photo. Hint: np.meshgrid of the centers of the crop's pixels
    gives x and y of q, and `(q - b) @ inverse.T` transforms them all. Less one half, the whole part
    of the result is column and row of the pixel to the upper left; the rest says how to mix.
    """
    ### BEGIN SOLUTION
    A, b = matrix[:, :2], matrix[:, 2]
    centers = np.arange(side) + 0.5
    q = np.stack(np.meshgrid(centers, centers), axis=-1)
    p = (q - b) @ np.linalg.inv(A).T - 0.5
    column, row = np.floor(p).astype(int).transpose(2, 0, 1)
    right, down = (p % 1).transpose(2, 0, 1)[..., None]
    above = (1 - right) * pixels[row, column] + right * pixels[row, column + 1]
    below = (1 - right) * pixels[row + 1, column] + right * pixels[row + 1, column + 1]
    return (1 - down) * above + down * below
    ### END SOLUTION


# %% test="warp" points=3
# Expect the package's warp to one gray level: Pillow, which computes it, cuts the fraction off.
pixels = np.asarray(photo, dtype=float)
for side in (100, 224):
    matrix = similarity(face.landmarks, side * shape)
    crop = warp_backward(pixels, matrix, side)
    assert crop.shape == (side, side, 3), f"shape {crop.shape}, expected {(side, side, 3)}"
    difference = np.abs(crop - np.asarray(warp(photo, matrix, side)))
    print(f"{side} pixels: scale {np.hypot(*matrix[:, 0]):.2f}, differs by {difference.max():.2f}")
    assert difference.max() < 1.01, f"{side} pixels: off by {difference.max():.0f} gray levels"
for axis, name in ((1, "x"), (0, "y")):
    ramp = np.dstack([np.indices((50, 50))[axis] + 0.5] * 3)  # shows x or y at each center
    shown = warp_backward(ramp, np.array([[2.0, 0, -20], [0, 2, -20]]), 40)[..., 0]
    line = shown[0] if axis else shown[:, 0]
    off = np.abs(line - (np.arange(40) + 0.5 + 20) / 2).max()
    assert off < 1e-9, f"the ramp in {name} is off by {off:.2g}: mind the half pixels"
### BEGIN HIDDEN TESTS
ys, xs = np.indices((30, 70)) + 0.5
slanted = np.dstack([xs, ys, 3 * xs - 2 * ys + 100])
for A, b in (
    (np.array([[0.5, 0.2], [-0.1, 0.8]]), np.array([-8.0, -3.0])),  # not a similarity
    (np.array([[0.0, 1.5], [-1.5, 0.0]]), np.array([-12.0, 60.0])),
):
    shown = warp_backward(slanted, np.column_stack([A, b]), 9)
    places = np.stack(np.meshgrid(np.arange(9) + 0.5, np.arange(9) + 0.5), axis=-1)
    px, py = np.moveaxis(np.linalg.solve(A, (places - b)[..., None])[..., 0], -1, 0)
    off = np.abs(shown - np.dstack([px, py, 3 * px - 2 * py + 100])).max()
    assert off < 1e-9, f"ramps on a photo of 30 x 70, A = {A.tolist()}: off by {off:.2g}"
### END HIDDEN TESTS

# %% alt="The crop in the photo, the crop painted forward, which is full of holes, and the crop looked up backward, which is whole, with crosses at eyes, nose and corners of the mouth."
side, matrix = 224, similarity(face.landmarks, 224 * shape)
height, width = pixels.shape[:2]
sources = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
column, row = np.floor(apply(matrix, sources.reshape(-1, 2))).astype(int).T
inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
forward, filled = np.full((side, side, 3), 255), np.zeros((side, side), dtype=bool)
forward[row[inside], column[inside]] = pixels.reshape(-1, 3)[inside]
filled[row[inside], column[inside]] = True

outline = side * np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
outline = (outline - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
backward, points = warp(photo, matrix, side), side * shape
plot.warps(photo, outline, forward, backward, points)
most = 1 / np.linalg.det(matrix[:, :2])
print(f"forward fills {filled.mean():.0%} of the crop, {most:.0%} was the most it could")
assert 0.9 * most < filled.mean() < 1.02 * most < 0.5
assert np.abs(apply(matrix, face.landmarks) - side * shape).max() < 0.06 * side

# %% [markdown]
# The crosses are where the landmarks belong. They do not hit the corners of her mouth exactly: five landmarks, four numbers, and hers is not the average face.
#
# One thing is left. If the crop is much *smaller* than the face, four neighbors are too few: the pixels between them would be skipped, and fine stripes turn into wrong ones (aliasing). So `warp` first averages blocks of pixels. A checkerboard shows it: seen from afar it is gray.

# %%
squares = np.indices((256, 256)).sum(axis=0) % 2 * 255
board = Image.fromarray(np.dstack([squares.astype(np.uint8)] * 3))
small = np.array([[1 / 7, 0, 0], [0, 1 / 7, 0]])
skipping = warp_backward(np.asarray(board, dtype=float), small, 32)
averaging = np.asarray(warp(board, small, 32), dtype=float)
for name, crop in {"four neighbors": skipping, "averaged first": averaging}.items():
    print(f"{name}: gray levels from {crop.min():.0f} to {crop.max():.0f}")
assert np.ptp(averaging) < 10 and np.ptp(skipping) == 255

# %% [markdown]
# ## 4. Ask
#
# A network like lesson 08's, trained on the photos of UTKFace, predicts a distribution. How good it is on average was measured once, on photos that no training has seen, and is stored beside the weights. Here is that next to what the network says about our photo.

# %%
test = network.meta["test"]
m = test["mae"]
cdf = np.cumsum(p_hat)
low, high = (float(np.interp(q, cdf, grid + 0.5)) for q in (0.1, 0.9))
forties = p_hat[(grid >= 40) & (grid < 45)].sum()
off = max(40 - y_hat, y_hat - 43, 0)
print(f"expectation {y_hat:.1f} years, standard deviation {portrait.spread:.1f}")
print(f"central 80%: {low:.0f} to {high:.0f} years; 40 to 44 with probability {forties:.0%}")
print(f"off by {off:.1f} years here; by {m:.1f} on average ({test['photos']:,} photos)")
share = test["coverage"]["0.8"]
beyond = 1 - test["cumulative_score"]["10"]
print(f"of those photos {share:.0%} had their age in the central 80%")
print(f"and {beyond:.0%} were off by more than ten years")
variance = p_hat @ (grid - y_hat) ** 2
assert abs(np.sqrt(variance) - portrait.spread) < 1e-3
assert 0 < low < y_hat < high < 40 and off > 2 * m and abs(beyond - 1 / 8) < 0.01

# %% [markdown]
# It takes her for younger than she is, by more than twice its average error, and its central 80% leaves her age out. Does that make it a bad network? One photo cannot say. One test photo in eight is off by more than ten years (section 5 has the curve), and a central 80% that misses one person in five does what it promises. **A single face is an example, never a test.** What a single photo can show is whether the answer depends on things that it should not depend on.
#
# ### What alignment is for
#
# The photo stays as it is; only the landmarks move, all five together. So the network sees the same face turned, shifted, or with more or less around it. The pictures below each curve show what it sees there; the band is the standard deviation of what it says.


# %% alt="The estimate of one face when its crop is turned, shifted or enlarged: turned by more than 45 degrees it says up to 70 years, shifted it hardly changes, made smaller by more than 40 percent it rises; aligned anew after turning it stays near 30."
def moved(z=1.0, shift=0.0):
    """The face with its landmarks multiplied by z around their mean, and shifted, as x + iy."""
    p = face.landmarks @ [1, 1j]
    p = p.mean() + (p - p.mean()) * z + shift
    return Face(face.box, face.score, np.column_stack([p.real, p.imag]))


crop_width = 1 / np.hypot(*similarity(face.landmarks, shape)[:, 0])  # pixels of the photo
MOVES = {
    "Crop turned by (degrees)": (90, lambda v: moved(z=np.exp(1j * np.radians(v)))),
    "Crop shifted by (% of its side)": (25, lambda v: moved(shift=v / 100 * crop_width)),
    "Crop larger by (%)": (60, lambda v: moved(z=1 + v / 100)),
}
answers, strips = {}, {}
for name, (most, move) in MOVES.items():
    values = np.linspace(-most, most, 21 if FAST else 41)
    people = portraits(network, photo, [move(v) for v in values])
    says, spread = (np.array([getattr(p, what) for p in people]) for what in ("y_hat", "spread"))
    answers[name] = values, says, spread
    strips[name] = portraits(network, photo, [move(v) for v in np.linspace(-0.8, 0.8, 5) * most])
degrees = np.arange(-45, 46, 45 if FAST else 15)
again = []
for angle in degrees:
    tilted = photo.rotate(angle, Image.Resampling.BILINEAR, fillcolor=FILL)
    again.append(portraits(network, tilted, detect(tilted)[:1])[0].y_hat)

plot.moved_crops(answers, y_hat, strips, degrees, again)

ranges = []
for name, (values, says, _) in answers.items():
    most, near = values.max(), np.abs(values) <= 0.101 * values.max()
    ranges.append((np.ptp(says[near]), np.ptp(says)))
    line = f"{name.partition('(')[0]:16} {0.1 * most:3.1f}: moves by {ranges[-1][0]:4.1f} years"
    print(f"{line}; by {most:2.0f}: {ranges[-1][1]:4.1f} years")
near, far = np.array(ranges).T
assert far.max() > 2 * m and far.max() > 2 * near.max()
values, says, _ = answers["Crop turned by (degrees)"]
turned = np.ptp(says[np.abs(values) <= 45])
print(f"within 45 degrees: crop turned {turned:.1f} years, aligned anew {np.ptp(again):.1f}")
assert np.ptp(again) < turned

# %% [markdown]
# The same woman, the same photo: how the crop is cut moves the estimate by more than twice the network's average error. Near the middle it matters less, but it still matters: read the first number of each line. That is the reason for sections 1 to 3: a network must see a face **as it saw faces in training**. Where the photo was turned and the face found and aligned anew (red), the estimate moves less than where only the crop was turned. The price: each step of the way has errors of its own, and the next one never hears of them.
#
# This is one photo. Does *yours* move by that much? Try it.


# %%
def show(degrees=0, percent=0):
    """What the network sees and says if the crop is turned and enlarged by that much."""
    z = (1 + percent / 100) * np.exp(1j * np.radians(degrees))
    (person,) = portraits(network, photo, [moved(z)])
    plot.crop_and_answer(person, grid)


slider(show, degrees=(-180, 180, 10), percent=(-60, 100, 5))

# %% [markdown]
# ### Faces from another world
#
# What does a network that has seen only photos say about *drawn* faces? It must say something: softmax has no "I do not know". We draw faces of known ages (lesson 08), find and align them like photos, and compare.

# %% alt="Eight drawn faces with their ages and what the network says, and all of them as dots: most lie far below the diagonal, the network takes drawings for children."
count = 12 if FAST else 60
drawn_ages, people = [], []
for i in range(count):
    r = np.random.default_rng([13, i])
    age = sample_age(r)
    drawing = draw_face(age, r, 128)
    # With a lower score than usual, since the detector is less sure of a drawing.
    for found in detect(drawing, score=0.7)[:1]:
        drawn_ages.append(age)
        people += portraits(network, drawing, [found])
ages, says = np.array(drawn_ages), np.array([p.y_hat for p in people])
p_drawn = np.stack([p.p_hat for p in people])

plot.drawings(ages, people, says)

on_drawn = mae(says, ages)
inside = float(coverage(p_drawn, ages, grid, 0.8))
r, by_luck = np.corrcoef(ages, says)[0, 1], len(ages) ** -0.5
always = mae(ages.mean(), ages)
print(f"{len(ages)} of {count} drawn faces, as found by the detector")
print(f"correlation with the drawn age {r:.2f}; by luck 0 +- {by_luck:.2f}")
print(f"MAE {on_drawn:.1f} years; on photos {m:.1f}; always the mean age {always:.1f}")
print(f"in the central 80%: {inside:.0%}; on photos {test['coverage']['0.8']:.0%}")
assert len(ages) >= 0.8 * count, "the detector, too, has seen only photos"
if not FAST:
    assert r > 3 * by_luck and on_drawn > 1.3 * m and inside < test["coverage"]["0.8"]

# %% [markdown]
# Read the numbers, in this order. The **correlation** is far above luck: the network sees something of the age even in a drawing, which is remarkable enough. The **MAE** says that you cannot use it: it is far larger than on photos; compare it with the error of somebody who always says the mean age without looking. And the **coverage** is the worst of the three: fewer ages are inside the central 80% than on photos, so it does not know that it does not know. What was calibrated in one world is not calibrated in another (**domain shift**). Nothing in the answer warns you: no measured figure says anything about photos that differ from those it was measured on. Your phone, your light and your grandfather's album are other worlds, too; smaller steps away, but steps.

# %% [markdown] question="shift" points=2
# ### Question
# A museum wants to estimate ages in 5,000 photos from 1900. There are no ages to compare with. Say how it can find out whether the network is any good there, and why the network's own spread is not enough.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Label a sample: draw a few hundred of these very photos at random, get ages from records (or, less good, the mean of several people's guesses), and measure MAE, bias and coverage on them, by age. The spread comes from the same network that has never seen such photos: its calibration was measured on others, and our drawn faces show that it can be sure and wrong. One point for labels of a random sample of the target photos, one for the reason.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 5. How good is it, and for whom?
#
# The file beside the weights holds, for the test photos, counts, MAE and bias (mean of $\hat y - y$) by decade and by the codes for gender and race that UTKFace's file names carry. It holds no standard errors. Without one a difference between two bars means nothing, so derive one, and say what it assumes.
#
# The standard error of a mean of $n$ independent values is their standard deviation over $\sqrt n$. We know the mean $m$ of the absolute errors $|e|$, not their standard deviation. If we knew the *shape* of their distribution, the mean would give it. Two candidates:
#
# | errors | $\lvert e \rvert$ is | share with $\lvert e \rvert \le n$ | sd of $\lvert e \rvert$ |
# |---|---|---|---|
# | normal around 0 | half-normal | $\operatorname{erf}\left(n / (m \sqrt\pi)\right)$ | $m \sqrt{\pi/2 - 1} = 0.76\, m$ |
# | Laplace around 0 | exponential | $1 - e^{-n/m}$ | $m$ |
#
# The file has the cumulative score (lesson 10) of all photos together. Which of the two does it look like? Beside it is the calibration.

# %% alt="Left, the share of photos off by at most n years lies on an exponential curve and not on the half-normal one with the same mean. Right, the coverage of central intervals lies on the diagonal or a little above it."
n = np.array([int(years) for years in test["cumulative_score"]])
score = np.array(list(test["cumulative_score"].values()))
shapes = {"exponential": 1 - np.exp(-n / m), "half-normal": erf(n / (m * np.sqrt(np.pi)))}
plot.errors_and_coverage(n, score, shapes, test)

gaps = {name: float(np.abs(values - score).max()) for name, values in shapes.items()}
print("largest gap:", {name: round(gap, 3) for name, gap in gaps.items()})
assert gaps["exponential"] < gaps["half-normal"]
for distribution, factor in ((norm, np.sqrt(np.pi / 2 - 1)), (laplace, 1)):
    mean = distribution.expect(np.abs)
    spread = np.sqrt(distribution.expect(np.square) - mean**2)
    assert abs(spread / mean - factor) < 1e-6

# %% [markdown]
# The exponential shape fits better: many small errors, and more large ones than the normal distribution has, since some photos are hard. It also gives the larger standard error, so it is the more cautious choice. With it, $E|e| = m$ gives $E\,e^2 = 2 m^2$, whatever the signs are, and with the bias $\beta$
#
# $$ \operatorname{se}(\text{MAE}) = \frac{m}{\sqrt n}, \qquad \operatorname{se}(\text{bias}) = \sqrt{\frac{E\,e^2 - (E\,e)^2}{n}} = \sqrt{\frac{2 m^2 - \beta^2}{n}} . $$
#
# What we assume: independent photos, though some are of the same person, and this shape within every row. The errors of single photos would show whether that is so; the file does not hold them. Expect the shape to fail where most estimates are off by very little and a few by very much, as when infants are taken for adults: there the true intervals are wider. Treat them all as rough.
#
# ### Exercise 4
# Write both.


# %% exercise="errors"
def standard_errors(row):
    """The standard errors (MAE, bias), years, of a row: a dict with `count`, `mae` and `bias`."""
    ### BEGIN SOLUTION
    n, m, bias = row["count"], row["mae"], row["bias"]
    return m / np.sqrt(n), np.sqrt((2 * m**2 - bias**2) / n)
    ### END SOLUTION


# %% test="errors" points=2
# By hand: 100 photos, MAE 5, no bias; then 4,000 simulated groups, to 5%.
found = standard_errors({"count": 100, "mae": 5.0, "bias": 0.0})
assert np.allclose(found, [0.5, np.sqrt(0.5)]), f"100 photos, MAE 5, no bias: {found}"
for plus in (0.5, 0.9):  # how often the error is positive
    signs = np.where(rng.random((4000, 150)) < plus, 1, -1)
    e = signs * rng.exponential(6.0, signs.shape)
    claimed = standard_errors({"count": 150, "mae": 6.0, "bias": 6.0 * (2 * plus - 1)})
    simulated = np.abs(e).mean(axis=1).std(), e.mean(axis=1).std()
    print("claimed", np.round(claimed, 3), "simulated", np.round(simulated, 3))
    case = f"150 photos, MAE 6, {plus:.0%} of the errors above 0"
    assert np.allclose(claimed, simulated, rtol=0.05), f"{case}: {claimed}, simulated {simulated}"
### BEGIN HIDDEN TESTS
for n, mean_error, off in ((7, 4.0, -3.0), (10_000, 0.5, -0.5), (1, 8.0, 8.0)):
    found = standard_errors({"decade": 20, "count": n, "mae": mean_error, "bias": off})
    expected = mean_error / n**0.5, ((2 * mean_error**2 - off**2) / n) ** 0.5
    assert np.allclose(found, expected), (
        f"{n} photos, MAE {mean_error}, bias {off}: {found}, expected {expected}"
    )
### END HIDDEN TESTS


# %% alt="By decade, MAE and bias with intervals: the error grows from 1.5 years for small children to 6 to 9 from the forties on, the young are taken for older, and the old for younger."
def intervals(rows):
    """1.96 standard errors of the rows' MAE and bias, (2, rows)."""
    return 1.96 * np.array([standard_errors(row) for row in rows]).T


decades = [row for row in test["decades"] if row["count"] >= 10]
plot.decades(decades, intervals(decades), m)

middle = np.array([row["decade"] + 5 for row in decades])
bias = np.array([row["bias"] for row in decades])
counts = np.array([row["count"] for row in decades])
slope, at_0 = np.polyfit(middle, bias, 1, w=np.sqrt(counts))
print(f"the bias falls by {-10 * slope:.1f} years a decade and crosses 0 at {-at_0 / slope:.0f}")
assert -1 < slope < 0 and bias[0] > 0 > bias[-1]
row_of = {row["decade"]: row for row in test["decades"]}
assert row_of[70]["mae"] > m > max(row_of[0]["mae"], row_of[20]["mae"])

# %% [markdown]
# **The old are taken for younger,** and the network is further off for them than for infants or for people in their twenties. Lesson 10 gave the reason, *regression to the mean*: the best estimator's bias is $-(1 - w)(y - \text{mean})$, a falling line, and the less a face shows, the steeper the line. The few old faces in training do the rest. An average over all photos hides it: few of them show old people.
#
# Now the groups. The codes are not what people say of themselves. The set has two genders and five words for race, of which one is "others"; its labels were estimated by a model and checked by a person who looked at the photo. People whom the codes do not name are not in the table.

# %% alt="MAE and bias with intervals, for two codes of sex and five of race in UTKFace: smallest errors for Asian and others, and others are taken for 1.7 years older."
groups = test["groups"]
plot.groups(groups, intervals(groups), m)

genders, races = groups[:2], groups[2:]
pairs = [*combinations(genders, 2), *combinations(races, 2)]
limit = norm.isf(0.025 / (2 * len(pairs)))
print(f"{len(pairs)} pairs, MAE and bias; what differs by more than {limit:.2f} standard errors:")
for a, b in pairs:
    for i, what in enumerate(("mae", "bias")):
        difference = a[what] - b[what]
        z = difference / np.hypot(standard_errors(a)[i], standard_errors(b)[i])
        if abs(z) > limit:
            names = f"{what:4} of {a['group']}, less that of {b['group']}:"
            print(f"  {names:36} {difference:+.1f} years, {z:+.1f} se")
luck = 1 - 0.95 ** (2 * len(pairs))
print(f"by luck alone one or more of {2 * len(pairs)} is beyond 1.96 with probability {luck:.0%}")
assert [row["group"] for row in genders] == ["male", "female"] and len(races) == 5
assert 3 < limit < 3.1 and 0.6 < luck < 0.7 and len(pairs) == 11
assert all(sum(row["count"] for row in part) <= test["photos"] for part in (genders, races))

# %% [markdown]
# Why 3 standard errors? A difference beyond 1.96 comes up by luck in one case out of 20. Anybody who looks at 22 of them finds one about two times out of three (if they were independent). Dividing the 5% by the number of comparisons (**Bonferroni**) keeps it at 5% for all together.
#
# **What can be concluded?** If a pair is printed, then the errors on *these* photos differ by more than luck. It does not follow that the network is "better for" one group. The groups differ in other ways, above all in age: in UTKFace, as the file names show, one code has many infants and another many old people, and infants are easy. How much can that alone do? Take two made-up groups that the network sees *equally well at every age*, with the MAE of the decades above:

# %%
young, old = {0: 0.3, 20: 0.5, 30: 0.2}, {20: 0.2, 30: 0.3, 50: 0.3, 70: 0.2}
by_mix = {
    name: sum(share * row_of[decade]["mae"] for decade, share in mix.items())
    for name, mix in {"young": young, "old": old}.items()
}
largest = max(abs(a["mae"] - b["mae"]) for a, b in pairs)
print({name: round(value, 1) for name, value in by_mix.items()}, "years, by their ages alone")
print(f"largest difference between two groups of the table: {largest:.1f}")
assert abs(sum(young.values()) - 1) < 1e-12 and abs(sum(old.values()) - 1) < 1e-12
assert by_mix["old"] > by_mix["young"] + 1

# %% [markdown]
# So the table can neither accuse nor acquit. To decide, one would compare people of the *same age* across groups (a row for each decade and group, with counts), never one mean with another. And four more doubts apply to every row.
#
# * **The labels are guesses.** If a label is off independently of the network, the MAE looks too large. But label and network may be wrong in the same way, since both come from models that learned from photos; then it looks too small. Nobody knows which it is, or for whom.
# * **The photos are from the web.** Who is photographed, smiling, made up, in good light, differs by age, gender and country.
# * **The test photos are other photos, not other people.** They were chosen by file name, so the same person may be among the training photos. For somebody new the error is, if anything, larger.
# * **A mean is not a person.** A small bias for a group means that errors cancel, not that they are small.

# %% [markdown] question="groups" points=3
# ### Question
# A colleague reads the picture above: "The MAE of group A is a year smaller, far beyond its interval. So the network is fair to A and unfair to B; we should give B more training photos." Name two things that are wrong with the conclusion, and one measurement that would help.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Wrong, for example: (a) the groups differ in age, and age alone makes such differences; (b) of so many pairs some differ by luck, and the interval assumes a shape and independent photos; (c) the labels are estimates whose error may differ by group, so a smaller MAE may come from labels that are wrong in the same way; (d) the codes were given from outside, "others" is no group at all; (e) MAE shows one side only: bias, coverage and the errors near a decision may say the opposite; (f) even if it is unfair, few photos need not be the reason. Helps: MAE and bias for the same decade across groups (or weights that give both groups the same ages), with standard errors; or exact ages for a sample of both groups. One point for each thing that is wrong, one for the measurement.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 6. A decision: a gate at 18
#
# A shop wants to let in adults only, and asks the network. Let the error be what the file says, in its kindest reading: unbiased and normal. The normal distribution with mean absolute error $m$ has
#
# $$ m = E|e| = \tau \sqrt{2/\pi} \qquad\Longrightarrow\qquad \tau = m \sqrt{\pi/2} = 1.25\, m . $$
#
# Somebody of age $a$ gets in if $a + e \ge 18$. So the share of those of age $a$ who get in is
#
# $$ P(a + e \ge c) = \Phi\left( \frac{a - c}{\tau} \right) \quad \text{with the threshold } c = 18 . $$
#
# ### Exercise 5
# Write it, for any threshold.


# %% exercise="gate"
def let_in(age, threshold, mae):
    """The share of people of this age whose estimate is at the threshold or above.

    Errors are normal, unbiased, with the mean absolute value `mae`. Hint: `norm.sf(x)` is P(X > x).
    """
    ### BEGIN SOLUTION
    return norm.sf((threshold - age) / (mae * np.sqrt(np.pi / 2)))
    ### END SOLUTION


# %% test="gate" points=1
# Expect a half at the threshold, 1/2 - 1/2 erf(1/sqrt(pi)) for one MAE below, and a simulation.
assert let_in(18, 18, 5.0) == 0.5, f"at the threshold a half gets in, not {let_in(18, 18, 5.0)}"
below = let_in(13, 18, 5.0)
expected = (1 - erf(1 / np.sqrt(np.pi))) / 2
assert abs(below - expected) < 1e-12, f"one MAE below the threshold: {below}, expected {expected}"
e = rng.standard_normal(400_000)
e *= m / np.abs(e).mean()
for age, threshold, error in ((16, 18, 1.0), (21, 18, 1.0), (16, 25, 2.0)):
    found, simulated = let_in(age, threshold, error * m), np.mean(age + error * e >= threshold)
    case = f"age {age}, threshold {threshold}, MAE {error * m:.1f}"
    print(f"{case}: {found:.1%} get in; simulated {simulated:.1%}")
    assert abs(found - simulated) < 0.004, f"{case}: {found:.3f} get in, simulated {simulated:.3f}"
### BEGIN HIDDEN TESTS
for age, threshold, error in ((5, 18, 1.5), (30, 18, 1.0), (12, 21, 0.8), (17.5, 18, 20.0)):
    found = let_in(age, threshold, error)
    expected = norm.cdf((age - threshold) / (error * np.sqrt(np.pi / 2)))
    assert np.isclose(found, expected, rtol=1e-6, atol=0), (
        f"age {age}, threshold {threshold}, MAE {error}: {found:.9g} get in, not {expected:.9g}"
    )
### END HIDDEN TESTS

# %% [markdown]
# That was the MAE over all ages. But the people at a gate are young, and their decades have a bias of their own. Take the rows of the file: for a 16-year-old that of the teens, for a 21-year-old that of the twenties, with $\tau$ such that a normal error with that bias has that MAE.


# %%
def tau_of(row):
    """The standard deviation of a normal error with the MAE and the bias of a row."""

    def too_large(tau):
        b = row["bias"]
        middle = b * (1 - 2 * norm.cdf(-b / tau))
        return tau * np.sqrt(2 / np.pi) * np.exp(-((b / tau) ** 2) / 2) + middle - row["mae"]

    return brentq(too_large, 1e-3, 100)


assert abs(tau_of({"mae": m, "bias": 0.0}) - m * np.sqrt(np.pi / 2)) < 1e-9
e = 3 + 4 * rng.standard_normal(400_000)
assert abs(tau_of({"mae": np.abs(e).mean(), "bias": 3.0}) - 4) < 0.05

passes = {"all photos": (let_in(16, 18, m), let_in(21, 18, m))}
passes["their decade"] = tuple(
    norm.sf((18 - age - row_of[decade]["bias"]) / tau_of(row_of[decade]))
    for age, decade in ((16, 10), (21, 20))
)
for name, (sixteen, twenty_one) in passes.items():
    line = f"error as for {name:13}: of 100 who are 16, {100 * sixteen:.0f} get in;"
    print(f"{line} of 100 who are 21, {100 * (1 - twenty_one):.0f} are turned away")
biases = [f"{row_of[decade]['bias']:+.1f}" for decade in (10, 20)]
print(f"bias of the teens {biases[0]}, of the twenties {biases[1]} years")
sixteen, twenty_one = passes["all photos"]
assert sixteen > 0.1 and 1 - twenty_one > 0.1

# %% [markdown]
# More than one in ten of either age is misjudged, even in the kindest reading; the cell says how many more. (Teens and twenties are whole decades: nobody measured people of 16 and 21.) Where teens are taken for older, as regression to the mean would have it, the gate opens wider for the very people whom it should keep out.
#
# **Move the threshold?** That trades one kind of error for the other. At the threshold halfway between, 18.5, both are equal, $\Phi(-2.5 / \tau)$, and no threshold makes both smaller. To let in only one in a hundred of the 16-year-olds, the threshold must go up to
#
# $$ c = 16 + 2.33\, \tau = 16 + 2.92\, m \quad \text{(normal)}, \qquad c = 16 + m \ln 50 = 16 + 3.91\, m \quad \text{(Laplace)} . $$

# %% alt="Two kinds of error against the threshold: the higher it is, the fewer people of 16 are let in and the more of 21 are turned away; at 18 both are near a third, and only from 30 or 34 on is the first one percent."
c = np.linspace(10, 50, 401)
at_1 = {"normal": 16 + norm.isf(0.01) * m * np.sqrt(np.pi / 2), "Laplace": 16 + m * np.log(50)}
let = {
    "normal": lambda age, c: let_in(age, c, m),
    "Laplace": lambda age, c: laplace.sf(c, age, m),
}
wrong = {
    name: {"16 years old, let in": share(16, c), "21 years old, turned away": 1 - share(21, c)}
    for name, share in let.items()
}
at_18 = let_in(16, 18, m), 1 - let_in(21, 18, m)
plot.gate(wrong, c, at_18, at_1)
for name, threshold in at_1.items():
    away = 1 - let[name](21, threshold)
    assert abs(let[name](16, threshold) - 0.01) < 1e-9
    line = f"{name:7}: 1% of the 16-year-olds at c = {threshold:.0f}"
    print(f"{line}; {away:.0%} of the 21-year-olds stay out")
worse = np.maximum(let["normal"](16, c), 1 - let["normal"](21, c))
print(f"best for both: c = {c[worse.argmin()]:.1f}, {worse.min():.0%} of each")
assert abs(c[worse.argmin()] - 18.5) < 0.051
assert abs(worse.min() - norm.cdf(-2.5 / (m * np.sqrt(np.pi / 2)))) < 0.01
assert at_1["Laplace"] > at_1["normal"] > 18 and 1 - let["normal"](21, at_1["normal"]) > 0.5


# %%
def show_gate(mae=5.0, threshold=18):
    """Who of every age gets in."""
    ages = np.arange(8, 60)
    share = let_in(ages, threshold, mae)
    plot.let_in(ages, share)


slider(show_gate, mae=(0.5, 10, 0.5), threshold=(14, 50))

# %% [markdown]
# **And even that is optimistic.**
#
# * The errors are not normal: more of them are large, and at a strict threshold the large ones decide (the dashed lines, which reach 1% much later).
# * They were measured on photos like the training photos. The gate has another camera, another light, and people who want to get in: they choose their clothes, their make-up, their angle, and come back.
# * The error is not spread evenly. Whoever is taken for older at this gate is taken for older at the next one, too: it is the same face.
# * The labels themselves are guesses.
#
# Would the distribution help, as in "let in if $\hat p(y \ge 18) > 0.9$"? If it were calibrated, then of those let in at just 0.9, one in ten would be a minor. But what was calibrated is the average over all ages, most of them far from 18, on photos from the web. At the gate it would have to be measured again.
#
# And there is a problem that no better network solves. Take a young woman at the gate. All of this is about *shares of people like her*. It says nothing about **her**: two people with the same face may be 16 and 21. She cannot argue with an average, and she has better proof in her pocket: a date of birth. To estimate the age of a person who has not agreed, or to decide from it what somebody may buy, where somebody may live, or who counts as a child at a border, is to treat a mean as a fact about a person. **Do not do that with these weights, nor with better ones.** What they are good for is seeing how such a network works, and what it gets wrong.

# %% [markdown] question="shop" points=3
# ### Question
# The shop answers: "We let in whoever is taken for 30 or older. All others show a card, as they do now." What is better about this? Name one thing. What is still wrong? Name two.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Better: fewer minors pass than at 18, and an adult who is taken for young is not turned away but shows a card, so the estimate is not the last word. Still wrong, for example: (a) some 16- and 17-year-olds are let in, more than the normal distribution promises, and nobody asks them for a card: an error in this direction is never noticed; (b) who must show a card every time depends on looks, and on how well the network sees people like that; (c) everybody's face is measured, the many who are far over 30 as well, though a card would do; nobody was asked; (d) the figures come from other photos, so the shop does not know its own rates unless it measures them at its door; (e) people can learn what gets them in. One point for what is better, one each for two that are wrong.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 7. Yours
#
# A photo of your own, or of somebody who has said yes:
#
#     python -m tinydldl.predict me.jpg
#
# It prints a line for each face and draws a picture of it; `python -m tinydldl.app` does the same on a page in your browser. Or do it here: put the path into `mine`. The photo stays on your computer; nothing is sent anywhere.

# %%
mine = None  # such as "me.jpg"
if mine:
    picture = open_photo(mine)
    for person in portraits(network, picture, detect(picture)):
        print(f"{person.y_hat:.0f} years, give or take {person.spread:.0f}")

# %% [markdown]
# Then do what section 4 did: another day, another light, with and without glasses, from your phone and from a scan. How far apart are the answers? **That spread is yours, and no table has it.**

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. The corners of the mouth move when a person smiles; the eyes do not. Let landmark $i$ have noise of variance $s_i^2$. Derive the similarity that is the most likely one, as lesson 13 did for equal noise. Which point of the face does it hold fixed? What happens if the variance of two landmarks goes to 0, and if that of one goes to infinity?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* With complex numbers and weights w_i = 1 / s_i², minimize sum w_i |z p_i + t - q_i|². The derivative in t says that the weighted means fit, q_m = z p_m + t, so the weighted center of the landmarks is mapped exactly to that of the template. With both centered, z = sum w_i conj(p_i) q_i / sum w_i |p_i|². If two variances go to 0, the map takes these two to their places exactly, whatever the others say (a similarity is determined by two points); with an infinite one that landmark is ignored. One point for the weights, one for z and the fixed center, one for the two limits.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * A network that sees 12 pixels finds faces of every size in a pyramid of photos. With the factor $f$ it costs $1/(1 - f^2)$ first levels. Non-maximum suppression leaves one box for each face; a cascade of three networks makes it cheap.
# * The best rotation, scale and shift from five landmarks is one complex division, $z = \sum \bar p_i t_i / \sum |p_i|^2$. It cannot mirror. An affine map fits the landmarks better and the face worse.
# * A warp is computed backward, from the crop to the photo.
# * How the crop is cut can move an estimate by more than the network's average error. On pictures from another world it still answers, and its spread does not warn you.
# * Error and bias depend on age: the old are taken for younger. Differences between groups need standard errors, the number of comparisons, and the same ages, before they mean anything.
# * A gate at 18 misjudges many, in both directions, and more than the simplest calculation says. An estimate is about people like you, not about you.
#
# ## Further reading
# * K. Zhang, Z. Zhang, Z. Li, Y. Qiao, *Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks*, IEEE Signal Processing Letters, 2016: P-, R- and O-Net.
# * S. Umeyama, *Least-Squares Estimation of Transformation Parameters Between Two Point Patterns*, IEEE Transactions on Pattern Analysis and Machine Intelligence, 1991.
# * Z. Zhang, Y. Song, H. Qi, *Age Progression/Regression by Conditional Adversarial Autoencoder*, CVPR 2017: UTKFace.
# * J. Buolamwini, T. Gebru, *Gender Shades: Intersectional Accuracy Disparities in Commercial Gender Classification*, FAT* 2018: why one looks at groups, and at groups within groups.
# * M. Mitchell et al., *Model Cards for Model Reporting*, FAT* 2019: what should stand beside weights.
# * Regulation (EU) 2016/679 (GDPR), Article 22: on decisions about a person that are based solely on automated processing.
# * K. Hanaoka et al., *Face Analysis Technology Evaluation: Age Estimation and Verification*, NIST IR 8525, 2024: what much larger networks achieve, measured by a third party.
# * Back to [lesson 10](10_measuring.ipynb) for the measures, or to [lesson 08](08_training_dldl_v2.ipynb) to train weights of your own.
