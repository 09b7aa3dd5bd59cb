"""The numbers in the answers to the quizzes and the exam, computed with the package."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, t

from tinydldl import labels, ldl, losses, metrics
from tinydldl.faces.align import similarity
from tinydldl.faces.boxes import intersection_over_union
from tinydldl.fast import winograd
from tinydldl.layers import BatchNorm2d, Conv2d, Expectation, HybridPool, MaxPool2d, Softmax, Tanh
from tinydldl.methods import DEX, DLDLv2, Ranking, Regression
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
    assert list(questions) == list(answers) == list(range(1, 9))
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


def mean_direction(logit):
    """Half at 0 degrees, half at 90, with a change of the logit of 90: a complex number."""
    return Softmax().forward(np.array([[0.0, logit]]))[0] @ [1, 1j]


ONE = np.array([[1.0, 2.0]]), np.array([[0.8, 0.2]])  # an example, and its target
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
    (5, 5): Regression(GRID).target([75], [2]).item(),
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
    (8, 1): ldl.maximum_entropy_loss(np.zeros((13, 101)), np.ones((1, 13)), GRID[None] / 5050)[
        1
    ].size,
    (8, 2): ldl.maximum_entropy_loss(np.zeros((2, 2)), *ONE)[1][1, 0],
    (8, 3): ldl.iis_update(*ONE, np.full((1, 2), 0.5))[1, 0],
    (8, 4): ldl.pt_bayes(
        np.array([[-1.0], [1], [1], [3]]), np.eye(2)[[0, 0, 1, 1]], np.array([[1.5]])
    )[0, 1],
    (8, 5): 0.5 / (10 + 5 * 0.5),
    (8, 6): np.abs(mean_direction(0.0)),
    (8, 7): np.angle(mean_direction(1e-6) / mean_direction(-1e-6)) / 2e-6,
    (8, 8): np.linalg.solve(np.array([[1, -0.5], [-0.5, 1]]), [0.5, 0])[0],
    (8, 9): (3.001**2 + 3.001 - 2.999**2 - 2.999) / 0.002,
    (8, 10): Softmax().forward(Softmax().forward(800 * np.eye(11)[:1]))[0, 0],
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


def center_of_target(mean):
    """Where the Gaussian of sigma 2 is, of whose label distribution this is the mean."""

    def gap(center):
        logits = -((GRID - center) ** 2) / 8
        return Softmax().forward(logits[None])[0] @ GRID - mean

    return brentq(gap, -20, 20)


def moved_by_one_gradient(zeros, rest=3000):
    """Learning rates that Adam moves a weight by one gradient, after and before some zeros."""
    W, dW = np.zeros(1), np.zeros(1)
    adam = Adam({"W": W}, {"W": dW}, lr=1.0)
    for gradient in [0.0] * zeros + [1.0] + [0.0] * rest:
        dW[0] = gradient
        adam.step()
    return -W[0]


def passed_through(M):
    """Independent directions of dy that batch normalization of M numbers passes back."""
    layer, _ = normalized(np.arange(M) ** 2)
    return np.linalg.matrix_rank(
        [layer.backward(dy.reshape(M, 1, 1, 1)).ravel() for dy in np.eye(M)]
    )


def seen_by_windows():
    """dx of a convolution of ones with stride 2, without its border."""
    layer = Conv2d(1, 1, 3, 2, rng=RNG)
    layer.params["W"][:] = 1
    y = layer.forward(np.zeros((1, 15, 15, 1)), save=True)
    return layer.backward(np.ones_like(y))[0, 2:-2, 2:-2, 0]


def honest_crps(sigma):
    """The mean CRPS of a normal p_hat if each age is drawn from it, on a fine grid."""
    grid = labels.label_grid(30, 70, 0.1)
    p_hat = labels.gaussian_label_distribution([50], [sigma], grid)
    return sum(
        p * metrics.crps(p_hat, np.array([y]), grid) for p, y in zip(p_hat[0], grid, strict=True)
    )


HEAD = np.array([0.2, 0.5, 0.3]), np.array([20.0, 30, 40])
NEAR, FAR = HEAD[1] - HEAD[0] @ HEAD[1], np.arange(3.0)
MESSAGES = 20 + 80 / np.arange(1, 50) + 5 * np.arange(49)
HARDER = {
    "00": [2 * np.finfo(float).eps],
    "01": [center_of_target(1)],
    "02": [20 * 0.99 + 80 * 0.01, np.sqrt(100 * 0.01 * 0.99)],
    "03": [2 - Softmax().forward(FAR[None])[0] @ FAR],
    "04": [HEAD[0][0] * (NEAR[0] ** 2 - HEAD[0] @ NEAR**2)],
    "05": [seen_by_windows().max() / seen_by_windows().min()],
    "06": [passed_through(10)],
    "07": [moved_by_one_gradient(0), moved_by_one_gradient(20_000)],
    "10": [honest_crps(4)],
    "11": [HEAD[0] * NEAR @ np.log(HEAD[0])],
    "12": [1 + MESSAGES.argmin(), 100 / MESSAGES.min()],
}


def test_the_numbers_in_the_answers_to_the_harder_questions():
    assert abs(np.exp(0.5 + 1e-20j).imag / 1e-20 / np.exp(0.5) - 1) <= HARDER["00"][0]
    for source in sorted((TEACHING.parent / "src").glob("[0-9]*.py")):
        _, found, cell = source.read_text(encoding="utf-8").partition('question="harder"')
        lesson = source.stem[:2]
        assert bool(found) == (lesson < "14"), "from 14 on it is an exercise"
        written = re.findall(r"\*\*(-?\d[\d.e-]*)\*\*", cell.partition("END SOLUTION")[0])
        computed = HARDER.get(lesson, [])
        wrong = [pair for pair in zip(written, computed, strict=True) if not agrees(*pair)]
        assert not wrong, lesson


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
