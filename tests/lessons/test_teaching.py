"""The numbers in the answers to the quizzes and the exam, computed with the package."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, t

from tinydldl import labels, losses, metrics
from tinydldl.faces.align import similarity
from tinydldl.faces.boxes import intersection_over_union
from tinydldl.fast import winograd
from tinydldl.layers import BatchNorm2d, Conv2d, Expectation, HybridPool, MaxPool2d, Softmax, Tanh
from tinydldl.methods import DEX, DLDLv2, Ranking, RegressionL1
from tinydldl.models import count_params
from tinydldl.optim import Adam, step_schedule

TEACHING = Path(__file__).parents[2] / "lessons" / "teaching"
RNG = np.random.default_rng(0)
GRID = labels.label_grid()
BELL = labels.gaussian_label_distribution([30.0], [2.0], GRID)[0]


def text(name):
    return (TEACHING / name).read_text(encoding="utf-8")


def quizzes(page):
    """{quiz: the lines of its questions or answers}."""
    parts = re.split(r"^## Quiz (\d): .*$", page, flags=re.MULTILINE)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {int(n): re.findall(r"^\d+\. .*$", part, re.MULTILINE) for n, part in pairs}


def test_every_question_has_an_answer():
    questions, answers = quizzes(text("quizzes.md")), quizzes(text("answers/quizzes.md"))
    assert list(questions) == list(answers) == list(range(1, 8))
    for lines in [*questions.values(), *answers.values()]:
        assert [line.split(".")[0] for line in lines] == [str(n) for n in range(1, 11)]


def of_layer(layer, x, dy=1.0):
    """The output and the gradient of one number or image."""
    x = np.asarray(x, dtype=float)
    y = layer.to(np, np.float64).forward(x, save=True)
    return y, layer.backward(np.full(y.shape, dy))


def head(p_hat=(0.2, 0.5, 0.3)):
    """y_hat on the labels 20, 30, 40, and its gradient in the logits."""
    softmax, expectation = Softmax(), Expectation(np.array([20.0, 30.0, 40.0]))
    logits = np.log(np.maximum([p_hat], 1e-300))
    y_hat = expectation.forward(softmax.forward(logits, save=True), save=True)
    return y_hat[0], softmax.backward(expectation.backward(np.ones(1)))[0]


def field_of_view(*layers):
    """Pixels that an output sees, by the gradient of ones through kernels and strides."""
    nets, x = [Conv2d(1, 1, kernel, stride, rng=RNG) for kernel, stride in layers], 32
    image = np.ones((1, x, x, 1))
    for net in nets:
        net.params["W"][:] = 1
        image = net.forward(image, save=True)
    dx = np.zeros_like(image)
    dx[0, 1, 1] = 1
    for net in reversed(nets):
        dx = net.backward(dx)
    return int((dx[0, :, :, 0] > 0).any(axis=0).sum())


def first_adam_step():
    W = np.zeros(1)
    Adam({"W": W}, {"W": np.array([5.0])}, lr=0.001).step()
    return -W[0]


def normalized(values, gamma=1.0, beta=0.0, eps=0.0):
    """A layer of batch normalization, and its output for one channel."""
    layer = BatchNorm2d(1, eps=eps).to(np, np.float64)
    layer.params["gamma"][:], layer.params["beta"][:] = gamma, beta
    return layer, layer.forward(np.reshape(values, (-1, 1, 1, 1)).astype(float), save=True).ravel()


def folded(gamma, running_var):
    """What inference multiplies an input by."""
    layer, _ = normalized([1, 3], gamma, eps=1e-5)
    layer.buffers["running_var"][:] = running_var
    zero, one = layer.eval().forward(np.array([0.0, 1.0]).reshape(2, 1, 1, 1)).ravel()
    return one - zero


def spread_of_votes():
    votes = np.random.default_rng(0).standard_normal((400_000, 10))
    return votes.std(axis=1).mean()


def sgd_variance():
    """After many steps of W -= lr (W + noise), with its stationary variance."""
    variance = 1.0
    for _ in range(1000):
        variance = 0.9**2 * variance + 0.1**2
    return variance


def share_that_passes(age, mae, gate=18):
    tau = mae * np.sqrt(np.pi / 2)
    return norm.sf(gate, loc=age, scale=tau)


def shrunk(y, mean=40, tau=15.0, s=5.0):
    """The mean estimate of the posterior mean for people of age y, less y; and its weight."""
    grid = labels.label_grid(-40, 120, 0.25)
    prior = np.exp(-((grid - mean) ** 2) / (2 * tau**2))

    def estimate(shown):
        posterior = prior * np.exp(-((grid - shown) ** 2) / (2 * s**2))
        return posterior @ grid / posterior.sum()

    weight = (estimate(50.0) - estimate(40.0)) / 10
    return np.mean([estimate(y + error) for error in (-s, s)]) - y, weight


def joint(p_hat, p, y, grid, lam):
    (_, _, _), dx = DLDLv2(np.array(grid), lam).loss(
        np.log([p_hat]), np.array([p]), np.array([float(y)])
    )
    return dx[0]


RANKING = Ranking(np.array([20.0, 21.0, 22.0, 23.0]))
ANSWERS = np.array([[0.9, 0.6, 0.4]])
DIFFERENCES = np.array([0.2, 0.5, 0.8])
UNIFORM = DLDLv2(GRID).loss(
    np.zeros((1, 101)), labels.gaussian_label_distribution([50], [2], GRID), np.array([50.0])
)
COMPUTED = {
    (1, 1): np.nextafter(np.float32(1), np.float32(2)) - np.float32(1),
    (1, 2): (2.1**3 - 1.9**3) / 0.2,
    (1, 4): (3 * np.finfo(float).eps * np.sin(1) / np.cos(1)) ** (1 / 3),
    (1, 5): of_layer(Tanh(), [[0.0]], 2.0)[1].item(),
    (1, 7): BELL[30],
    (1, 8): labels.gaussian_label_distribution([30], [2], labels.label_grid(0, 100, 0.5))[0, 60],
    (1, 9): labels.gaussian_label_distribution([0], [2], GRID)[0] @ GRID,
    (1, 10): spread_of_votes(),
    (2, 1): labels.ranking_code([30.4], GRID).sum(),
    (2, 2): labels.ranking_code([30.5], GRID).sum(),
    (2, 3): labels.gaussian_cdf([30], [2], np.array([32.0])).item(),
    (2, 4): (labels.cumulative_matrix(101) @ BELL)[30],
    (2, 5): 20 + (1 - labels.cumulative_matrix(3) @ [0.2, 0.5, 0.3])[:2].sum(),
    (2, 6): Ranking(np.arange(3.0)).distribution(np.array([[0.9, 0.4]]))[0, 1],
    (2, 7): Softmax().forward(np.log([[1.0, 2.0, 5.0]]))[0, 2],
    (2, 8): metrics.kl(np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]])),
    (2, 9): losses.kl_from_logits(np.zeros((1, 4)), np.eye(4)[:1])[1][0, 0],
    (3, 1): head()[0],
    (3, 2): head()[1][0],
    (3, 3): head()[1] @ [20, 30, 40],
    (3, 4): joint([0.2, 0.5, 0.3], [0.3, 0.5, 0.2], 30, [20.0, 30, 40], 1.0)[2],
    (3, 5): len(GRID),
    (3, 6): losses.l1(np.array([0.99 * 20 + 0.01 * 70]), np.array([20.0]))[0],
    (3, 7): Conv2d(1, 1, 3, 2, 1, rng=RNG).output_shape((224, 224, 1))[0],
    (3, 8): Conv2d(32, 64, 3, padding=1, rng=RNG).multiply_adds((112, 112, 32)),
    (3, 9): field_of_view((3, 1), (3, 1), (2, 2), (3, 1)),
    (4, 1): of_layer(MaxPool2d(2), np.reshape([1, 4, 4, 2], (1, 2, 2, 1)), 3.0)[1][0, 1, 0, 0],
    (4, 2): of_layer(HybridPool(), np.eye(16)[:1].reshape(1, 4, 4, 1) * 8)[0].item(),
    (4, 3): normalized([1, 3])[1][1],
    (4, 4): normalized([1, 3])[0].buffers["running_var"].item(),
    (4, 5): np.abs(normalized([1, 3, 7])[0].backward(np.ones((3, 1, 1, 1)))).max(),
    (4, 6): folded(2, 3),
    (4, 7): Conv2d(512, 64, 3, rng=RNG).params["W"].std(),
    (4, 8): count_params(Conv2d(32, 64, 3, bias=False, rng=RNG)) + count_params(BatchNorm2d(64)),
    (4, 9): UNIFORM[0][1],
    (4, 10): first_adam_step(),
    (5, 1): step_schedule(0.002, 11, every=10),
    (5, 4): sgd_variance(),
    (5, 5): RegressionL1(GRID).target([75], [2]).item(),
    (5, 6): DEX(GRID).target([30.4], [2]).item(),
    (5, 7): RANKING.age(ANSWERS).item(),
    (5, 8): (RANKING.distribution(ANSWERS) @ RANKING.grid).item(),
    (5, 9): t.ppf(0.975, 2) * DIFFERENCES.std(ddof=1) / np.sqrt(3),
    (5, 10): np.mean([(40 - 41) ** 2, (44 - 41) ** 2]) - (42 - 41) ** 2,
    (6, 1): metrics.mae(np.array([0.0, 2, -4]), np.zeros(3)),
    (6, 2): metrics.epsilon_error(np.array([32.0]), np.array([30.0]), np.array([2.0])),
    (6, 3): metrics.typical_annotator_error(),
    (6, 4): metrics.cumulative_score(np.array([0.0, 2, -4]), np.zeros(3), 3),
    (6, 5): metrics.crps(np.array([[0.5, 0.5]]), np.array([30.0]), np.array([30.0, 40.0])),
    (6, 7): shrunk(70)[1],
    (6, 8): shrunk(70)[0],
    (6, 10): np.abs(head((1.0, 0.0, 0.0))[1]).max(),
    (7, 1): min(100, 2 * 20),
    (7, 2): 100 / 20,
    (7, 3): 2 * 3 / (2 + 3 - 1),
    (7, 4): 16 * 9 / winograd.B.size,
    (7, 5): np.var([1, 1, 3, 3]),
    (7, 7): intersection_over_union(np.array([0.0, 0, 4, 4]), np.array([[2.0, 0, 6, 4]])).item(),
    (7, 8): np.hypot(*similarity(np.array([[0, 0], [2, 0]]), np.array([[0, 0], [0, 4]]))[:, 0]),
    (7, 9): share_that_passes(17, 3),
}
CURVE = np.array([2, 4, 6, 8])
EXAM_LAYER, EXAM_OUTPUTS = normalized(CURVE, gamma=3, beta=1)
EXAM_DIFFERENCES = np.array([0.31, -0.05, 0.22, 0.40, 0.12])
FIRST, SECOND = (
    Conv2d(3, 16, padding=1, bias=False, rng=RNG),
    Conv2d(16, 32, padding=1, bias=False, rng=RNG),
)
IN_EXAM = [
    labels.gaussian_label_distribution([4], [2], GRID)[0] @ GRID,
    np.dot([0.1, 0.6, 0.3], [10, 20, 30]),
    *joint([0.1, 0.6, 0.3], [0.2, 0.6, 0.2], 20, [10.0, 20, 30], 0.5),
    FIRST.multiply_adds((64, 64, 3)) + SECOND.multiply_adds((32, 32, 16)),
    count_params(FIRST) + count_params(SECOND),
    field_of_view((3, 1), (2, 2), (3, 1)),
    *EXAM_OUTPUTS,
    *EXAM_LAYER.backward(np.eye(4)[0].reshape(4, 1, 1, 1)).ravel(),
    EXAM_DIFFERENCES.mean(),
    EXAM_DIFFERENCES.std(ddof=1),
    t.ppf(0.975, 4) * EXAM_DIFFERENCES.std(ddof=1) / np.sqrt(5),
    share_that_passes(16, 4),
]


def agrees(written, computed):
    """Whether a number is right to the last digit that is written."""
    mantissa, _, exponent = written.partition("e")
    digits = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return abs(float(written) - computed) <= 0.5001 * 10.0**-digits


def test_the_numbers_in_the_answers_to_the_quizzes():
    answers = quizzes(text("answers/quizzes.md"))
    written = {
        (quiz, number): bold[1]
        for quiz, lines in answers.items()
        for number, line in enumerate(lines, 1)
        if (bold := re.match(r"\d+\. \*\*([-\d.e]+)\*\*", line))
    }
    assert written.keys() == COMPUTED.keys()
    wrong = {key: (written[key], float(COMPUTED[key])) for key in written}
    wrong = {key: pair for key, pair in wrong.items() if not agrees(*pair)}
    assert not wrong


def test_the_numbers_in_the_answers_to_the_exam():
    written = re.findall(r"\*\*(-?\d[\d.]*)\*\*", text("answers/exam.md"))
    assert len(written) == len(IN_EXAM) > 15
    wrong = [pair for pair in zip(written, map(float, IN_EXAM), strict=True) if not agrees(*pair)]
    assert not wrong


@pytest.mark.parametrize(("written", "value"), [("1.30", 1.306), ("12", 12.6), ("1.2e-07", 1e-7)])
def test_a_wrong_digit_is_noticed(written, value):
    assert not agrees(written, value)


def test_points_and_minutes_of_the_exam_add_up():
    page = text("exam.md")
    tasks = [int(points) for points in re.findall(r"\((\d+) points\)\.?\*\*", page)]
    parts = re.split(r"^\*\*\d\. ", page, flags=re.MULTILINE)[1:]
    for points, part in zip(tasks, parts, strict=True):
        inside = [int(n) for n in re.findall(r" \((\d+)\)$", part, re.MULTILINE)]
        assert sum(inside) in (points, 0), part[:40]
    assert sum(tasks) == 90


def test_the_rubric_of_the_project_adds_up():
    points = re.findall(r"^\| [\w ]+ \| (\d+) \|", text("project.md").split("## Rubric")[1], re.M)
    assert sum(map(int, points)) == 40


def test_a_session_is_made_of_sections_that_exist():
    page = (TEACHING.parent / "TEACHING.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d\d) \| (\d[^\n]*)\|$", page, re.MULTILINE))
    assert len(rows) >= 15
    for lesson, row in rows.items():
        (source,) = (TEACHING.parent / "src").glob(f"{lesson}_*.py")
        sections = re.findall(r"^# ## (\d+)\. ", source.read_text(encoding="utf-8"), re.MULTILINE)
        assert sorted(re.findall(r"\d+", row), key=int) == sections, lesson


def test_files_that_the_pages_link_to_exist():
    for page in TEACHING.rglob("*.md"):
        links = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        assert not [link for link in links if not (page.parent / link).exists()], page.name
