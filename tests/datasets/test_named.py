"""Sets whose names say the age: FG-NET, AgeDB, CACD and AFAD as they are published."""

import pytest

from tinydldl.datasets import DataError, Options, load

# name: (folder, {path: (age, person)})
SETS = {
    "fg-net": (
        "images",
        {
            "001A02.JPG": (2, "001"),
            "001A43a.JPG": (43, "001"),
            "002A03.JPG": (3, "002"),
            "082A18b.jpg": (18, "082"),
        },
    ),
    "agedb": (
        "AgeDB",
        {
            "0_MariaCallas_35_f.jpg": (35, "MariaCallas"),
            "1_MariaCallas_40_f.jpg": (40, "MariaCallas"),
            "9999_GlennFord_101_m.jpg": (101, "GlennFord"),
            "77_Jean_Luc_5_m.jpg": (5, "Jean_Luc"),
        },
    ),
    "cacd": (
        "CACD2000",
        {
            "14_Aaron_Johnson_0001.jpg": (14, "Aaron_Johnson"),
            "62_Aaron_Johnson_0002.jpg": (62, "Aaron_Johnson"),
            "53_Robin_Wright_0013.jpg": (53, "Robin_Wright"),
            "53_Alaïs_d'Or_0001.jpg": (53, "Alaïs_d'Or"),
        },
    ),
    "afad": (
        "AFAD-Full",
        {
            "15/111/638660-1.jpg": (15, None),
            "15/112/1-0.jpg": (15, None),
            "72/112/28-0.jpg": (72, None),
        },
    ),
}


@pytest.fixture(params=SETS)
def laid_out(request, put_photo, tmp_path):
    """The name of a set whose photos are there, and {path: (age, person)}."""
    folder, photos = SETS[request.param]
    root = tmp_path / request.param / folder
    for path in photos:
        put_photo(root.relative_to(tmp_path) / path)
    return request.param, {root / path: about for path, about in photos.items()}


def test_ages(laid_out, tmp_path):
    name, photos = laid_out
    parts = load(name, Options(tmp_path, sigma=3.0))
    assert list(parts) == ["train", "test"]
    found = {
        p: age for part in parts.values() for p, age in zip(part.paths, part.ages, strict=True)
    }
    assert found == {path: age for path, (age, _) in photos.items()}
    assert all((part.sigmas == 3.0).all() for part in parts.values())


def test_crops_beside_the_photos_are_no_photos(laid_out, put_photo, tmp_path):
    name, photos = laid_out
    for path in photos:
        put_photo((path.parent / "aligned" / path.name).relative_to(tmp_path))
    parts = load(name, Options(tmp_path), aligned=False)
    assert sum(map(len, parts.values())) == len(photos)


@pytest.mark.parametrize("seed", range(6))
def test_no_person_in_both_parts(seed, laid_out, tmp_path):
    name, photos = laid_out
    by_subject = Options(tmp_path, split="subject", seed=seed)
    if name == "afad":
        with pytest.raises(DataError, match=r"^afad: no name says who is on a photo; take --split"):
            load(name, by_subject)
        return
    train, test = (
        {photos[path][1] for path in part.paths} for part in load(name, by_subject).values()
    )
    assert train | test == {person for _, person in photos.values()}
    assert not train & test
