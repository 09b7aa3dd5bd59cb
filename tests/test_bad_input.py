"""The table of bad input: a row is a way to be wrong, and what the one line about it must say.

Each row is refused as `refusals.refuse` has it: exit code 2, one line, nothing changed.
"""

import io
import os
import shutil
from pathlib import Path

import pytest
import refusals
from PIL import Image
from refusals import FACES, PHOTO, put


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("furnished")
    refusals.furnish(folder)
    return folder


@pytest.fixture
def refuses(furnished, tmp_path, monkeypatch, capfd):
    """refuses("train --size 16", "argument --size"), in a folder with what `furnish` makes."""
    shutil.copytree(furnished, tmp_path, copy_function=os.link, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYDLDL_DATA", raising=False)

    def begun(*_, **__):
        pytest.fail("it was not refused")

    for place in refusals.COMMANDS.values():
        monkeypatch.setattr(place, begun)
    return lambda line, words: refusals.refuse(line, words, capfd)


# ------------------------------------------------------------------------ arguments of each command

TRAIN = [
    ("--device cuda:99", "device 'cuda:99': "),
    ("--device tpu", "device 'tpu': expected auto, cpu, cuda or cuda:N"),
    ("--device cuda:-1", "device 'cuda:-1': expected auto, cpu, cuda or cuda:N"),
    ("--device ''", "device '': expected auto, cpu, cuda or cuda:N"),
    ("--engine gpu", "argument --engine: invalid choice: 'gpu'"),
    ("--workers 0", "argument --workers: expected a whole number from 1"),
    ("--workers two", "argument --workers: expected a whole number from 1"),
    ("--dataset faces", "argument --dataset: invalid choice: 'faces'"),
    ("--dataset utkface", "utkface: no folder data/utkface/UTKFace"),
    ("--dataset csv", "csv: no table, expected --table"),
    ("--data-dir ''", "argument --data-dir: expected a path, got nothing"),
    ("--table ''", "argument --table: expected a path, got nothing"),
    ("--split person", "argument --split: invalid choice: 'person'"),
    ("--seed -1", "argument --seed: expected a whole number from 0 up, got '-1'"),
    ("--seed 1.5", "argument --seed: expected a whole number from 0 up, got '1.5'"),
    ("--sigma -2", "argument --sigma: expected a number from 0 up, got '-2'"),
    ("--sigma nan", "argument --sigma: expected a number from 0 up, got 'nan'"),
    ("--sigma inf", "argument --sigma: expected a number from 0 up, got 'inf'"),
    ("--parts valid valid", "--parts: valid to train on and to judge on; take two"),
    ("--parts train", "argument --parts: expected 2 arguments"),
    ("--parts train all", "argument --parts: invalid choice: 'all'"),
    (f"{FACES} --parts train test", "csv: no part test, only train, valid"),
    ("--limit 1", "argument --limit: expected a whole number from 10"),
    ("--limit many", "argument --limit: expected a whole number from 10"),
    ("--train-limit 1", "argument --train-limit: expected a whole number from 2"),
    ("--augment blur", "argument --augment: invalid choice: 'blur'"),
    ("--augment", "argument --augment: expected at least one argument"),
    ("--loaders 0", "argument --loaders: expected a whole number from 1"),
    ("--cache-mb -1", "argument --cache-mb: expected a whole number from 0"),
    ("--cache-mb 1.5", "argument --cache-mb: expected a whole number from 0"),
    ("--net vgg16", "argument --net: invalid choice: 'vgg16'"),
    ("--pool max", "argument --pool: invalid choice: 'max'"),
    ("--size 16", "argument --size: expected a whole number from 32"),
    ("--size 64.5", "argument --size: expected a whole number from 32"),
    ("--size -64", "argument --size: expected a whole number from 32"),
    ("--method svm", "argument --method: invalid choice: 'svm'"),
    ("--members 0", "argument --members: expected a whole number from 1"),
    ("--members 2", "--members is for --method ldae alone"),
    ("--method ldae --members 1", "--members 1: an ensemble needs 2 or more"),
    ("--lam -1", "argument --lam: expected a number from 0 up, got '-1'"),
    ("--lam nan", "argument --lam: expected a number from 0 up, got 'nan'"),
    ("--method dex --lam 1", "--lam is for --method dldl-v2 alone"),
    ("--label-step 3", "argument --label-step: label step 3.0: expected a number that divides"),
    ("--label-step 0", "argument --label-step: expected a number above 0, got '0'"),
    ("--label-step 200", "argument --label-step: label step 200.0: expected a number that"),
    ("--label-step 0.001", "argument --label-step: label step 0.001: expected a number that"),
    ("--label-step inf", "argument --label-step: expected a number above 0, got 'inf'"),
    ("--kl-reduction sum", "argument --kl-reduction: invalid choice: 'sum'"),
    ("--method dldl --kl-reduction batch", "--kl-reduction is for --method dldl-v2"),
    ("--kl-epochs -1", "argument --kl-epochs: expected a whole number from 0"),
    ("--kl-epochs 8", "--kl-epochs 8: expected fewer than 8 epochs"),
    ("--method dldl --kl-epochs 1", "--kl-epochs is for --method dldl-v2 alone"),
    ("--epochs 0", "argument --epochs: expected a whole number from 1"),
    ("--epochs 1e3", "argument --epochs: expected a whole number from 1"),
    ("--batch 1", "argument --batch: expected a whole number from 2"),
    ("--lr 0", "argument --lr: expected a number above 0, got '0'"),
    ("--lr nan", "argument --lr: expected a number above 0, got 'nan'"),
    ("--lr 1e999", "argument --lr: expected a number above 0, got '1e999'"),
    ("--schedule ''", "argument --schedule: expected constant, step:N, cosine or cosine:W, got"),
    ("--schedule step:0", "argument --schedule: expected constant, step:N, cosine or cosine:W"),
    ("--schedule step:-1", "argument --schedule: expected constant, step:N, cosine or cosine:W"),
    ("--schedule cosine:", "argument --schedule: expected constant, step:N, cosine or cosine:W"),
    ("--schedule cosine:8", "--schedule cosine:8: 8 of 8 epochs of warm-up leave none to go down"),
    ("--average 0", "argument --average: expected a number between 0 and 1, got '0'"),
    ("--average 1", "argument --average: expected a number between 0 and 1, got '1'"),
    ("--average x", "argument --average: expected a number between 0 and 1, got 'x'"),
    ("--val-every 0", "argument --val-every: expected a whole number from 1"),
    ("--name ../mine", "argument --name: expected the name of a folder in runs, got '../mine'"),
    ("--name a/b", "argument --name: expected the name of a folder in runs, got 'a/b'"),
    ("--name .", "argument --name: expected the name of a folder in runs, got '.'"),
    ("--name ..", "argument --name: expected the name of a folder in runs, got '..'"),
    ("--name ''", "argument --name: expected the name of a folder in runs, got ''"),
    ("--name .hidden", "argument --name: expected the name of a folder in runs, got '.hidden'"),
    (f"{FACES} --size 32 --name done", "runs/done exists; give another --name, or continue it"),
    ("--init nowhere", "nowhere: no checkpoint, nowhere.json is missing; expected the"),
    ("--init empty", "empty: no checkpoint, checkpoint.json is missing; expected the folder of"),
    ("--init photo.jpg", "photo.jpg: no checkpoint, photo.jpg.json is missing"),
    ("--init twelve.npz", "twelve.npz: weights of the network tiny12; expected tiny"),
    ("--init pretrained --net tiny12", "no weights of tiny12 ship with tinydldl (there are: tiny"),
    ("--colour red", "unrecognized arguments: --colour red"),
    ("faces", "unrecognized arguments: faces"),
    ("--epochs", "argument --epochs: expected one argument"),
]

EVALUATE = [
    ("", "the following arguments are required: --checkpoint"),
    ("--checkpoint ''", "argument --checkpoint: expected a path, got nothing"),
    ("--checkpoint net", "--dataset is missing, and there is no run's config.json"),
    ("--checkpoint none", "none: no such run or checkpoint; expected the folder of a run"),
    (f"--checkpoint none {FACES}", "none: no checkpoint, none.json is missing; expected"),
    (f"--checkpoint empty {FACES}", "empty: no checkpoint, checkpoint.json is missing; expected"),
    (f"--checkpoint net rank {FACES}", "net and rank: their predictions cannot be averaged"),
    (f"--checkpoint net none {FACES}", "none: no checkpoint, none.json is missing"),
    (f"--checkpoint net {FACES} --part test", "csv: no part test, only train, valid"),
    (f"--checkpoint net {FACES} --part best", "argument --part: invalid choice: 'best'"),
    ("--checkpoint net --dataset csv", "csv: no table, expected --table"),
    ("--checkpoint net --dataset morph", "morph: no folder data/morph/Album2"),
    (f"--checkpoint net {FACES} --out photo.jpg", "photo.jpg: cannot be used (File exists)"),
    (f"--checkpoint net {FACES} --out faces", "faces: holds files that are not of an evaluation"),
    (f"--checkpoint net {FACES} --device tpu", "device 'tpu': expected auto, cpu"),
    (f"--checkpoint net {FACES} --limit 1", "argument --limit: expected a whole number from 2"),
    (f"--checkpoint net {FACES} --batch 0", "argument --batch: expected a whole number from 1"),
]

PREDICT = [
    ("", "the following arguments are required: PHOTO"),
    ("photo.jpg --net huge", "argument --net: invalid choice: 'huge'"),
    ("photo.jpg --crop round", "argument --crop: invalid choice: 'round'"),
    ("photo.jpg --box 1,2,3", "argument --box: expected x,y,width,height, got '1,2,3'"),
    ("photo.jpg --box 10,10,nan,20", "argument --box: expected x,y,width,height"),
    ("photo.jpg --box 10,10,1e999,20", "argument --box: expected x,y,width,height"),
    ("photo.jpg --box 10,10,0,20", "photo.jpg: --box: 0 x 20 pixels of the photo, expected 12 or"),
    ("photo.jpg --box=508,10,200,20", "photo.jpg: --box: 4 x 20 pixels of the photo, expected"),
    ("photo.jpg --box=-300,-300,100,100", "photo.jpg: --box: 0 x 0 pixels of the photo"),
    ("photo.jpg --box=300,300,-100,100", "photo.jpg: --box: "),
    ("photo.jpg --landmarks 1,2,3", "argument --landmarks: expected x,y,x,y,x,y,x,y,x,y, got"),
    ("photo.jpg --landmarks 9,9,9,9,9,9,9,9,9,9", "photo.jpg: --landmarks: 0 x 0 pixels of the"),
    # left and right eye exchanged; all in one line
    (
        "photo.jpg --landmarks 306,186,222,190,267,235,232,282,303,278",
        "photo.jpg: --landmarks: these do not lie as in a face; expected x,y of",
    ),
    (
        "photo.jpg --landmarks 50,50,60,60,70,70,80,80,90,90",
        "photo.jpg: --landmarks: these do not lie as in a face; expected x,y of",
    ),
    ("photo.jpg --box 0,0,99,99 --no-detect", "argument --no-detect: not allowed with argument"),
    ("photo.jpg --json --csv", "argument --csv: not allowed with argument --json"),
    (
        f"photo.jpg --landmarks {','.join(['1e150', '2e150'] * 5)}",
        "photo.jpg: --landmarks: far out",
    ),
    ("photo.jpg --smallest 5", "argument --smallest: expected a whole number from 12"),
    ("photo.jpg --score 0", "argument --score: expected a number between 0 and 1, got '0'"),
    ("photo.jpg --score 90", "argument --score: expected a number between 0 and 1, got '90'"),
    ("'party/*.jpg'", "party/*.jpg: no photo is there, and none matches this as a pattern"),
    ("photo.jpg '**/*.heic'", "**/*.heic: no photo is there, and none matches this as a pattern"),
    ("photo.jpg photo.jpg --box 0,0,99,99", "--box and --landmarks are for one photo, and there"),
    ("faces --landmarks 1,1,2,1,1,2,1,3,2,3", "--box and --landmarks are for one photo, and there"),
    ("photo.jpg --checkpoint nowhere", "nowhere: no checkpoint, nowhere.json is missing; expected"),
    ("photo.jpg --checkpoint ''", "argument --checkpoint: expected a path, got nothing"),
    ("empty", "empty: no photo in this folder; expected .jpg"),
    ("''", "expected a photo, got an empty name"),
    ("missing.jpg --no-detect", "missing.jpg: No such file or directory"),
    ("photo.jpg --no-detect --out notes.txt", "notes.txt: is a file, expected a folder"),
    ("photo.jpg --no-detect --out notes.txt/in", "notes.txt: is a file, expected a folder"),
    ("photo.jpg --out ''", "argument --out: expected a path, got nothing"),
]

EXPLAIN = [
    ("", "expected either PHOTO or --dataset (see python -m tinydldl.explain --help)"),
    ("photo.jpg --dataset csv", "expected either PHOTO or --dataset"),
    ("missing.jpg", "missing.jpg: No such file or directory"),
    ("'faces/*.png'", "faces/*.png: 10 photos, expected one"),
    ("faces", "faces: 10 photos, expected one"),
    ("empty", "empty: no photo in this folder; expected .jpg"),
    ("photo.jpg --seed 3", "--seed is for --dataset"),
    ("photo.jpg --no-detect --part test", "--part is for --dataset"),
    ("photo.jpg --table t.csv", "--table is for --dataset"),
    ("photo.jpg --no-detect --ages 120", "--ages 120: expected ages from 0 to 100"),
    ("photo.jpg --ages nan", "argument --ages: expected a number from 0 up, got 'nan'"),
    ("photo.jpg --ages old", "argument --ages: expected a number from 0 up, got 'old'"),
    ("photo.jpg --ages", "argument --ages: expected at least one argument"),
    ("photo.jpg --face 0", "argument --face: expected a whole number from 1"),
    ("photo.jpg --no-detect --checkpoint rank", "ranking: no softmax, so there is no map for each"),
    ("photo.jpg --no-detect --checkpoint none", "none: no checkpoint, none.json is missing"),
    ("photo.jpg --no-detect --out net.json", "net.json: is a file, expected a folder"),
    ("--dataset csv", "csv: no table, expected --table"),
    (f"{FACES.partition(' --workers')[0]} --part test", "csv: no part test, only"),
    ("--dataset csv --crop arcface", "--crop is for PHOTO"),
    ("--dataset csv --no-detect", "--no-detect is for PHOTO"),
    ("--dataset csv --ages 20", "--ages is for PHOTO"),
    ("--dataset csv --face 1", "--face is for PHOTO"),
    ("--dataset csv --smallest 20", "--smallest is for PHOTO"),
    ("--dataset csv --score 0.8", "--score is for PHOTO"),
]

REPRODUCE = [
    ("", "the following arguments are required: TABLE"),
    ("table5", "argument TABLE: invalid choice: 'table5'"),
    ("table1 --net tiny12", "argument --net: invalid choice: 'tiny12'"),
    ("table3 --seeds 0", "argument --seeds: expected a whole number from 1"),
    ("table3 --epochs 2", "argument --epochs: expected a whole number from 3 up, got '2'"),
    ("table3 --size 8", "argument --size: expected a whole number from 32"),
    ("table3 --no-augment", "table 3 trains with augmentation and without; leave --no-augment out"),
    ("all --no-augment", "table 3 trains with augmentation and without; leave --no-augment out"),
    ("table3 --device gpu", "device 'gpu': expected auto, cpu, cuda or cuda:N"),
    ("table3 --out ''", "argument --out: expected a path, got nothing"),
]

CONVERT = [
    ("", "the following arguments are required: FILE.pt, OUT.npz"),
    ("net.pt", "the following arguments are required: OUT.npz"),
    ("'' out.npz", "argument FILE.pt: expected a path, got nothing"),
    ("net.pt ''", "argument OUT.npz: expected a path, got nothing"),
    ("none.pt out.npz", "none.pt: cannot be read (No such file or directory)"),
    ("faces out.npz", "faces: cannot be read (Is a directory)"),
    ("net.pt net.npz", "net.npz: exists, and is not overwritten"),
    ("net.pt net", "argument OUT.npz: expected a name that ends in .npz, got 'net'"),
    ("net.pt .", "argument OUT.npz: expected a name that ends in .npz, got '.'"),
    ("net.pt ..", "argument OUT.npz: expected a name that ends in .npz, got '..'"),
    ("net.pt d/", "argument OUT.npz: expected a name that ends in .npz, got 'd/'"),
    ("net.pt .npz", "argument OUT.npz: expected a name that ends in .npz, got '.npz'"),
    ("net.pt o.json", "argument OUT.npz: expected a name that ends in .npz, got 'o.json'"),
    ("net.pt no/folder/out.npz", "no/folder/out.npz: there is no folder no/folder; make"),
    ("net.pt notes.txt/out.npz", "notes.txt/out.npz: there is no folder notes.txt; make"),
    ("net.pt out.npz --head tanh", "argument --head: invalid choice: 'tanh'"),
    ("net.pt out.npz --pool max", "argument --pool: invalid choice: 'max'"),
]

BENCH = [
    ("--cases huge-64-32-train", "argument --cases: case 'huge-64-32-train': expected NETWORK"),
    ("--cases tiny-16-32-train", "argument --cases: case 'tiny-16-32-train': expected NETWORK"),
    ("--cases tiny-64-0-train", "argument --cases: case 'tiny-64-0-train': expected NETWORK"),
    ("--cases tiny-64-32", "argument --cases: case 'tiny-64-32': expected NETWORK"),
    ("--cases ''", "argument --cases: case '': expected NETWORK"),
    ("--engines chainer", "argument --engines: invalid choice: 'chainer' (choose from"),
    ("--against fast", "argument --against: invalid choice: 'fast' (choose from"),
    ("--rounds 2", "argument --rounds: expected a whole number from 3"),
    ("--workers 0", "argument --workers: expected a whole number from 1"),
    ("--cases tiny-64-2-inference --profile x.png", "--profile: draws a training step, and"),
    ("--json no/folder/x.json", "no/folder/x.json: there is no folder"),
    ("--profile no/folder/x.png", "no/folder/x.png: there is no folder"),
    ("--profile ''", "argument --profile: expected a path, got nothing"),
]

APP = [
    ("--checkpoint nowhere", "nowhere: no checkpoint, nowhere.json is missing; exp"),
    ("--checkpoint net --port x", "argument --port: expected a whole number from 0 to 65535, got"),
    ("--checkpoint net --port -1", "argument --port: expected a whole number from 0 to 65535"),
    ("--checkpoint net --port 70000", "argument --port: expected a whole number from 0 to 65535"),
    ("--net thin", "argument --net: invalid choice: 'thin'"),
    ("photo.jpg", "unrecognized arguments: photo.jpg"),
]

DATASETS = [
    ("", "the following arguments are required: name"),
    ("faces", "argument name: invalid choice: 'faces'"),
    ("csv --sigma -2", "argument --sigma: expected a number from 0 up, got '-2'"),
    ("synthetic --count 0", "argument --count: expected a whole number from 1"),
    ("synthetic --side 0", "argument --side: expected a whole number from 1"),
    ("csv --table faces/table.csv --out notes.txt", "cannot make the folder notes.txt (File exist"),
    ("csv --table faces/table.csv --crop oval", "argument --crop: invalid choice: 'oval'"),
    (
        "csv --table faces/table.csv --score 1",
        "argument --score: expected a number between 0 and 1",
    ),
    ("csv --table faces/table.csv --loaders 0", "argument --loaders: expected a whole number from"),
    ("utkface --align", "utkface: its faces are aligned already; --align is for chalearn15"),
    ("synthetic --align", "synthetic: its faces are aligned already; --align is for chalearn15"),
]

ARGUMENTS = {
    "train": TRAIN,
    "evaluate": EVALUATE,
    "predict": PREDICT,
    "explain": EXPLAIN,
    "reproduce": REPRODUCE,
    "convert": CONVERT,
    "bench": BENCH,
    "app": APP,
    "datasets": DATASETS,
}


@pytest.mark.parametrize(
    ("line", "words"),
    [(f"{command} {given}", words) for command, rows in ARGUMENTS.items() for given, words in rows],
)
def test_arguments(line, words, refuses):
    refuses(line, words)


# ------------------------------------------------------------------------------------------ photos


def image_bytes(mode, size, format="PNG", **options):
    file = io.BytesIO()
    Image.new(mode, size).save(file, format, **options)
    return file.getvalue()


NO_PHOTO = "not a photo that can be read; expected JPEG, PNG, WebP"
PHOTOS = {
    "empty": (lambda: b"", "the file is empty"),
    "text": (lambda: b"no photo", NO_PHOTO),
    "postscript": (lambda: image_bytes("RGB", (40, 40), "EPS"), NO_PHOTO),
    "icon": (lambda: image_bytes("RGB", (32, 32), "ICO"), NO_PHOTO),
    "half": (lambda: Path("photo.jpg").read_bytes()[:9000], "a photo that cannot be decoded"),
    "floating": (lambda: image_bytes("F", (40, 40), "TIFF"), "pixels are floating-point numbers"),
    "stripe": (lambda: image_bytes("L", (1224, 24)), "1224 x 24 pixels are a stripe, not a photo"),
    "large": (lambda: image_bytes("1", (9460, 9460)), "the photo has more than 89 million pixels"),
    "bomb": (lambda: image_bytes("1", (13400, 13400)), "the photo has more than 89 million pixels"),
    "small": (lambda: image_bytes("RGB", (11, 40)), "11 x 40 pixels, expected 12 or more a side"),
    "pipe": (None, "a pipe or a device, expected a file"),
}


@pytest.mark.parametrize("command", ["predict", "explain"])
@pytest.mark.parametrize("name", PHOTOS)
def test_photos(name, command, refuses):
    content, words = PHOTOS[name]
    put("bad.jpg", content and content())
    if content is None:
        os.mkfifo("bad.jpg")
    refuses(f"{command} bad.jpg --checkpoint net --no-detect", f"bad.jpg: {words}")


# ----------------------------------------------------------------------------- layouts of data sets

# What each set looks like on disk, and rows of one file in it that is another, or none; @ stands
# for the folder of the set.
AVERAGES = "file_name,apparent_age_avg,apparent_age_std\n0.jpg,20,3"
MORPH = "MORPH_2008_nonCommercial.csv"
LAYOUTS = {
    "chalearn15": {
        "Train/a.jpg": PHOTO,
        "Valid/b.jpg": PHOTO,
        "train15_gt.csv": "a.jpg,20,3",
        "valid15_gt.csv": "b.jpg,30,3",
    },
    "chalearn16": {
        "Train/a.jpg": PHOTO,
        "Valid/b.jpg": PHOTO,
        "Test/c.jpg": PHOTO,
        "train_gt.csv": "image,mean,stdv\na.jpg,20,3",
        "valid_gt.csv": "image,mean,stdv\nb.jpg,30,3",
        "test_gt.csv": "image,mean,stdv\nc.jpg,40,3",
    },
    "appa-real": {f"{part}/0.jpg": PHOTO for part in ("train", "valid", "test")}
    | {f"gt_avg_{part}.csv": AVERAGES for part in ("train", "valid", "test")},
    "morph": {"Album2/009055_1M54.JPG": PHOTO},
    "utkface": {"UTKFace/25_0_1_20170116220224657.jpg.chip.jpg": PHOTO},
}
CHANGED = {
    "chalearn15": [
        ("Train", None, "no folder @/Train; put the photos there (see data/README.md)"),
        ("Valid", None, "no folder @/Valid; put the photos there (see data/README.md)"),
        ("Train", "a file", "no folder @/Train; put the photos there (see data/README.md)"),
        ("train15_gt.csv", None, "no table @/train15_gt.csv (see data/README.md)"),
        ("valid15_gt.csv", None, "no table @/valid15_gt.csv (see data/README.md)"),
        ("train15_gt.csv", "", "@/train15_gt.csv has no row, expected one for each photo"),
        ("train15_gt.csv", "name,age,sigma\n", "@/train15_gt.csv has no row, expected one for"),
        ("train15_gt.csv", "a.jpg,20", "@/train15_gt.csv, line 1: column 3 is empty in 'a.jpg,20'"),
        ("train15_gt.csv", "a.jpg", "@/train15_gt.csv, line 1: column 3 is empty in 'a.jpg'"),
        ("train15_gt.csv", "b.jpg,20,3", "@/train15_gt.csv, line 1: no photo @/Train/b.jpg; 1 of"),
        ("train15_gt.csv", "a.jpg,nan,nan", "@/train15_gt.csv, line 1: sigma is 'nan', expected a"),
        ("train15_gt.csv", "a.jpg|20|3", "@/train15_gt.csv has no row, expected one"),
        ("train15_gt.csv", b"\xe9.jpg,20,3", "@/train15_gt.csv is not a table of text in UTF-8"),
        ("valid15_gt.csv", "b.jpg,30,-3", "@/valid15_gt.csv, line 1: sigma is -3.0, expected 0"),
    ],
    "chalearn16": [
        ("Test", None, "no folder @/Test; put the photos there (see data/README.md)"),
        ("valid_gt.csv", None, "no table @/valid_gt.csv (see data/README.md)"),
        ("Test/c.jpg", None, "@/test_gt.csv, line 2: no photo @/Test/c.jpg; 1 of 1 are missing"),
        (
            "train_gt.csv",
            "image,mean,stdv\na.jpg,?,3",
            "@/train_gt.csv, line 2: the age is '?', exp",
        ),
    ],
    "appa-real": [
        ("", None, "no folder @; put the unpacked archive there (see data/README.md)"),
        ("valid", None, "no folder @/valid; put the photos there (see data/README.md)"),
        ("gt_avg_test.csv", None, "no table @/gt_avg_test.csv (see data/README.md)"),
        # the table of single guesses
        (
            "gt_avg_valid.csv",
            "file_name,age\n0.jpg,6",
            "@/gt_avg_valid.csv: no column for the appar",
        ),
        (
            "gt_avg_test.csv",
            "apparent_age_avg\n6",
            "@/gt_avg_test.csv: no column for the photo, exp",
        ),
        (
            "gt_avg_test.csv",
            AVERAGES[:-2],
            "@/gt_avg_test.csv, line 2: column 3 is empty in '0.jpg",
        ),
    ],
    "morph": [
        ("", None, "no folder @/Album2; put the photos there (see data/README.md)"),
        ("Album2/x.jpg", PHOTO, "@/Album2/x.jpg: expected a name such as 009055_1M54.JPG"),
        ("Album2/009055_1M54.JPG", None, "no photo in @/Album2, expected .jpg or .png files (see"),
        (MORPH, "photo,age\nAlbum2/1_1M20.JPG,20", f"@/{MORPH}, line 2: no photo @/Album2/1_1M20"),
        (MORPH, "photo\n009055_1M54.JPG", f"@/{MORPH}: no column for the age, expected age"),
        (MORPH, "age\n54", f"@/{MORPH}: no column for the photo, expected photo"),
    ],
    "utkface": [
        ("", None, "no folder @/UTKFace; put the aligned and cropped photos there (see data/READ"),
        ("UTKFace/25_0_1_20170116220224657.jpg.chip.jpg", None, "no photo in @/UTKFace, expected"),
        ("UTKFace/me.jpg", PHOTO, "@/UTKFace/me.jpg: expected a name such as 25_0_1_2017011622"),
        (
            "UTKFace/12.jpg",
            PHOTO,
            "@/UTKFace/12.jpg: expected a name such as 25_0_1_2017011622",
        ),
        ("UTKFace/_0_1.jpg", PHOTO, "@/UTKFace/_0_1.jpg: expected a name such as 25_0_1_20170116"),
        ("UTKFace/-3_0_0_1.jpg", PHOTO, "@/UTKFace/-3_0_0_1.jpg: expected a name such as 25_0_1_2"),
    ],
}


@pytest.mark.parametrize(
    ("name", "path", "content", "words"),
    [(name, *row) for name, rows in CHANGED.items() for row in rows],
)
def test_layouts(name, path, content, words, refuses):
    for file, usual in LAYOUTS[name].items():
        put(f"data/{name}/{file}", usual)
    put(f"data/{name}/{path}", content)
    refuses(f"datasets {name}", f"{name}: {words.replace('@', f'data/{name}')}")


# ------------------------------------------------------------------------------------------- tables

TABLES = [
    ("", " has no row, expected one for each photo"),
    ("\ufeff", " has no row, expected one for each photo"),
    ("path,age\n", " has no row, expected one for each photo"),
    ("\n\n\n", " has no row, expected one for each photo"),
    ("path,age\n,,\n", " has no row, expected one for each photo"),
    ("bild,age\n0.png,10", ": no column for the photo, expected path or image or photo or "),
    ("path,years old\n0.png,10", ": no column for the age, expected age or "),
    ("0.png,10", ": no column for the photo, expected path or image or photo or "),
    ("0.png,10\n1.png,20", ": no column for the photo, expected path"),
    ("path|age\n0.png|10", ": no column for the photo, expected path"),
    ("path age\n0.png 10", ": no column for the photo, expected path"),
    ("path,age\n0.png,old", ", line 2: the age is 'old', expected a number"),
    ("path,age\n0.png,nan", ", line 2: the age is 'nan', expected a number"),
    ("path,age\n0.png,inf", ", line 2: the age is 'inf', expected a number"),
    ("path,age\n0.png,1e999", ", line 2: the age is '1e999', expected a number"),
    ("path,age\n0.png,20-29", ", line 2: the age is '20-29', expected a number"),
    ("path,age\n0.png,25 years", ", line 2: the age is '25 years', expected a number"),
    ("path,age\n0.png,0x20", ", line 2: the age is '0x20', expected a number"),
    ("path,age\n0.png,", ", line 2: column 2 is empty in '0.png,'"),
    ("path,age\n0.png", ", line 2: column 2 is empty in '0.png'"),
    ("path,age\n,10", ", line 2: column 1 is empty in ',10'"),
    ("path,age\n0.png,10\n\n1.png,x", ", line 4: the age is 'x', expected a number"),
    ("path;age\n0.png;1.234,5", ", line 2: the age is '1.234,5', expected a number"),
    ("path,age,sigma\n0.png,10,-3", ", line 2: sigma is -3.0, expected 0 or more"),
    ("path,age,sigma\n0.png,10,", ", line 2: column 3 is empty in '0.png,10,'"),
    ("path,age,sigma\n0.png,10", ", line 2: column 3 is empty in '0.png,10'"),
    ("path,age,sigma\n0.png,10,nan", ", line 2: sigma is 'nan', expected a number"),
    ("path,age,sigma\n0.png,10,wide", ", line 2: sigma is 'wide', expected a number"),
    ("path,age\nno.png,10", ", line 2: no photo faces/no.png; 1 of 1 are missing"),
    ("path,age\n0.png,10\nno.png,10\nnone.png,9", ", line 3: no photo faces/no.png; 2 of 3 are"),
    ("path,age\n../empty,10", ", line 2: no photo faces/../empty; 1 of 1 are missing"),
    ("path,age\n/,10", ", line 2: no photo /; 1 of 1 are missing"),
    ("path,age\nfaces/0.png,10", ", line 2: no photo faces/faces/0.png; 1 of 1 are missing"),
    ("path,age\nalbum\\1998\\me.jpg,10", ", line 2: no photo faces/album/1998/me.jpg; 1 of 1"),
    ("path,age\na\u2028b.png,10\n0.png,x", ", line 3: the age is 'x', expected a number"),
    (f"path,age\n{'x' * 99_999},10", ", line 2: no photo faces/xxx"),
    ("path,age\na\0b.png,10", ", line 2: no photo faces/a"),
    (f"path,age\n0.png,{'9' * 99_999}", ", line 2: the age is '999"),
    (f"path,age\n{'x' * 99_999},", ", line 2: column 2 is empty in 'xxx"),
    (f"path,age\n0.png,{'9' * 10**6}", " is not a table of text in UTF-8 (field larger than"),
    ("path,age,part\n0.png,10,trian", ", line 2: the part is 'trian', expected train or valid or"),
    ("path,age,part\n0.png,10,", ", line 2: column 3 is empty in '0.png,10,'"),
    ("path,age,subject\n0.png,10,", ", line 2: column 3 is empty in '0.png,10,'"),
    ("path,age\n0.png,10\n1.png,10\n0.png,11", ", lines 2 and 4: two labels for faces/0.png"),
    ("path,age\n0.png,10\n../faces/0.png,9", ", lines 2 and 3: two labels for faces/../faces/0"),
    ("path,age,sigma\n0.png,1,2\n0.png,1,3", ", lines 2 and 3: two labels for faces/0.png"),
    ("path,age,part\n0.png,1,train\n0.png,1,test", ", lines 2 and 3: two labels for faces/0.png"),
    (b"path,age\n\xe9.png,10", " is not a table of text in UTF-8"),
    ("path,age\n0.png,10".encode("utf-16"), " is not a table of text in UTF-8"),
    (b"PK\x03\x04\xff\xfe a spreadsheet", " is not a table of text in UTF-8"),
]


@pytest.mark.parametrize(("content", "words"), TABLES)
def test_tables(content, words, refuses):
    put("faces/own.csv", content)
    refuses("train --dataset csv --table faces/own.csv --size 32", f"csv: faces/own.csv{words}")


# Tables without a fault that are no data set to learn from.
TOO_LITTLE = [
    ([1970, 1975, 1980, 1985, 1990], "csv: 0 photos in train with an age in 0..100, expected 2"),
    ([-1, -2, -3, -4, -5], "csv: 0 photos in train with an age in 0..100, expected 2 or more"),
    ([10], "csv: 1 photos in train with an age in 0..100, expected 2 or more"),
    ([10, 20, 30, 40, 50], "csv: 1 photos in valid with an age in 0..100, expected 2 or more"),
]


@pytest.mark.parametrize(
    ("command", "parts", "words"),
    [
        ("train", "train", "csv: no part valid or test, only train"),
        ("train", "valid", "csv: no part train, only valid"),
        ("train", "test", "csv: no part train, only test"),
        ("evaluate --checkpoint net", "train", "csv: no part valid or test, only train, all"),
        ("evaluate --part train --checkpoint net", "test", "csv: no part train, only test, all"),
    ],
)
def test_a_table_without_the_part(command, parts, words, refuses):
    put("faces/own.csv", "\n".join(["path,age,part", *(f"{i}.png,20,{parts}" for i in range(5))]))
    refuses(f"{command} --dataset csv --table faces/own.csv", words)


@pytest.mark.parametrize(("ages", "words"), TOO_LITTLE)
def test_too_few_photos(ages, words, refuses):
    rows = [f"{i}.png,{age}" for i, age in enumerate(ages)]
    put("faces/own.csv", "\n".join(["path,age", *rows]))
    refuses("train --dataset csv --table faces/own.csv --size 32", words)


NO_TABLES = [
    ("nowhere.csv", "csv: no table nowhere.csv (see data/README.md)"),
    ("faces", "csv: faces is no file, expected a table"),
    ("x" * 300, "csv: cannot read xxx"),
    ("notes.txt/x.csv", "csv: "),
    ("photo.jpg", "csv: photo.jpg is not a table of text in UTF-8"),
    ("notes.txt", "csv: notes.txt has no row, expected one for each photo"),
]


@pytest.mark.parametrize("command", ["train", "evaluate --checkpoint net", "explain", "datasets"])
@pytest.mark.parametrize(("table", "words"), NO_TABLES)
def test_no_table(command, table, words, refuses):
    name = "csv" if command == "datasets" else "--dataset csv"
    refuses(f"{command} {name} --table {table}", words)
