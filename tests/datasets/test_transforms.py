"""Each transform does what its name says, and nothing else."""

import numpy as np
import pytest
from PIL import Image

from tinydldl.datasets import transforms
from tinydldl.datasets.transforms import CHOICES, TRANSFORMS, augment
from tinydldl.images import FILL, center_crop, held_side


class Draws:
    """A generator whose numbers are given: what a transform does with a known draw."""

    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value

    def uniform(self, low, high):
        return low + self.value * (high - low)

    def integers(self, low, high):
        return low + int(self.value * (high - low))


@pytest.fixture
def photo(rng):
    """A photo of 40 x 32 pixels (width x height) with smooth colors."""
    coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return coarse.resize((40, 32), Image.Resampling.BICUBIC)


def array(image):
    """The pixels as numbers that can be subtracted."""
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("side", range(32, 257))
def test_held_side_and_crop_are_inverse(side):
    held = held_side(side)
    blank = Image.new("RGB", (held, held))
    assert transforms.crop(blank, Draws(0.3)).size == (side, side)


def test_mirror_one_time_in_two(photo, rng):
    mirrored = [transforms.mirror(photo, rng) is not photo for _ in range(400)]
    assert 150 < sum(mirrored) < 250
    turned = array(transforms.mirror(photo, Draws(0.4)))
    np.testing.assert_array_equal(turned, array(photo)[:, ::-1])
    assert transforms.mirror(photo, Draws(0.6)) is photo


def test_gray(photo):
    pixels = array(transforms.gray(photo, Draws(0.4)))
    assert (pixels == pixels[..., :1]).all()
    assert transforms.gray(photo, Draws(0.6)) is photo


def test_scale_loses_details_but_no_size(rng):
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    weak, strong = (transforms.scale(noise, Draws(value)) for value in (1, 0))
    assert weak.size == strong.size == (64, 64)
    assert array(strong).std() < array(weak).std() < array(noise).std()


def test_rotate_by_up_to_15_degrees_either_way(photo):
    left, none, right = (transforms.rotate(photo, Draws(value)) for value in (1, 0.5, 0))
    np.testing.assert_array_equal(array(none), array(photo))
    for turned, degrees in ((left, 15), (right, -15)):
        expected = photo.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=FILL)
        np.testing.assert_array_equal(array(turned), array(expected))
    assert tuple(array(left)[0, 0]) == FILL


def test_crop_reaches_both_corners(photo):
    first, last = (transforms.crop(photo, Draws(value)) for value in (0, 0.999))
    np.testing.assert_array_equal(array(first), array(photo)[:28, :28])
    np.testing.assert_array_equal(array(last), array(photo)[-28:, -28:])


def test_color_changes_brightness_contrast_and_saturation(photo):
    same = transforms.color(photo, Draws(0.5))
    np.testing.assert_allclose(array(same), array(photo), atol=1)
    dark, bright = (transforms.color(photo, Draws(value)) for value in (0, 1))
    assert array(dark).mean() < array(photo).mean() < array(bright).mean()
    assert array(dark).std() < array(photo).std() < array(bright).std()


def test_how_far_colors_go():
    gray_photo = Image.new("RGB", (8, 8), (100, 100, 100))  # contrast and saturation leave it
    for draw, expected in ((0, 60), (1, 140)):
        assert array(transforms.color(gray_photo, Draws(draw))).ravel() == pytest.approx(expected)


def test_saturation_is_the_distance_from_gray():
    """Of one color, which sharpness would leave: its gray is (299 R + 587 G + 114 B) / 1000."""
    photo, gray = Image.new("RGB", (8, 8), (150, 100, 50)), 109.25
    for draw, factor in ((0, 0.6), (1, 1.4)):
        draws = Draws(0.5)  # brightness and contrast stay
        values = iter([0.5, 0.5, draw])
        draws.uniform = lambda low, high, values=values: low + next(values) * (high - low)
        expected = gray + factor * (np.array([150, 100, 50]) - gray)
        np.testing.assert_allclose(array(transforms.color(photo, draws))[3, 3], expected, atol=1)


def test_erase_covers_one_time_in_two_a_square_within_the_photo(photo, rng):
    assert transforms.erase(photo, Draws(0.5)) is photo
    for draw in (0, 0.25, 0.499):
        side, before = round(32 * (1 / 8 + draw * 3 / 8)), array(photo)
        left, top = int(draw * (40 - side + 1)), int(draw * (32 - side + 1))
        before[top : top + side, left : left + side] = FILL
        np.testing.assert_array_equal(array(transforms.erase(photo, Draws(draw))), before)
    blank = Image.new("RGB", (64, 64))
    covered = [(array(transforms.erase(blank, rng))[..., 0] > 0).sum() for _ in range(400)]
    shares = np.array([np.sqrt(count) / 64 for count in covered if count])
    assert 150 < len(shares) < 250
    assert 1 / 8 <= shares.min() < 0.15 < 0.47 < shares.max() <= 1 / 2
    assert {np.sqrt(count) % 1 for count in covered} == {0}  # squares, none cut off


def test_transforms_come_in_the_paper_s_order(photo, monkeypatch):
    """And what is not the paper's comes last, so that nothing changes its gray."""
    order = []
    spies = {name: lambda im, rng, name=name: order.append(name) or im for name in CHOICES}
    monkeypatch.setattr(transforms, "CHOICES", spies)
    names = ["color", "erase", "crop", "mirror", "rotate", "gray", "scale"]
    augment(photo, Draws(0), names, 28)
    assert order == ["mirror", "gray", "scale", "rotate", "crop", "color", "erase"]


def test_augment_applies_what_is_named_and_always_ends_at_the_side(photo):
    rng = np.random.default_rng
    plain = array(augment(photo, rng(0), [], 28))
    np.testing.assert_array_equal(plain, array(center_crop(photo, 28)))
    everything = augment(photo, rng(0), list(TRANSFORMS), 28)
    assert everything.size == (28, 28)
    only_gray = augment(photo, Draws(0.1), ["gray"], 28)
    expected = center_crop(transforms.gray(photo, Draws(0.1)), 28)
    np.testing.assert_array_equal(array(only_gray), array(expected))
