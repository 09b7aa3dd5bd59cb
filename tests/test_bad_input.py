"""The table of bad input: a row is a way to be wrong, and what the one line about it must say.

Each row is refused as `refusals.refuse` has it: exit code 2, one line, nothing changed.
"""

import io
import os
import pickle
import shutil
import struct
import zlib
from pathlib import Path

import from_pytorch
import numpy as np
import pytest
from helpers import refusals
from helpers.refusals import FACES, PHOTO, PIPE, alter, pt_file, put
from helpers.torch_files import legacy_file, plain, state_dict, tensor, zip_file
from PIL import Image

from tinydldl.datasets import Options, load


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

STEP = "expected a number of years that divides 100 into 1 to 10000 parts"

TRAIN = [
    ("--device cuda:99", "device 'cuda:99': "),
    ("--device tpu", "device 'tpu': expected auto, cpu, cuda or cuda:N"),
    ("--device cuda:-1", "device 'cuda:-1': expected auto, cpu, cuda or cuda:N"),
    ("--device ''", "device '': expected auto, cpu, cuda or cuda:N"),
    (f"--device cuda:{'9' * 5000}", "device 'cuda:999...expected auto, cpu, cuda or cuda:N"),
    ("--engine gpu", "argument --engine: invalid choice: 'gpu'"),
    ("--workers 0", "argument --workers: expected a whole number from 1"),
    ("--workers two", "argument --workers: expected a whole number from 1"),
    ("--workers 1000", "argument --workers: expected a whole number from 1 to 256, got '1000'"),
    ("--loaders 1000", "argument --loaders: expected a whole number from 1 to 256, got '1000'"),
    (
        "--limit 1000000000",
        "data/synthetic/v1-seed0-side...: 1000000000 faces take about 4,",
    ),
    (
        f"{FACES} --size 4096 --net thin --engine layers",
        "needs about ... MB of memory (photos ...; try a smaller --batch, --size",
    ),
    ("--dataset faces", "argument --dataset: invalid choice: 'faces'"),
    ("--dataset utkface", "utkface: no folder data/utkface/UTKFace"),
    ("--dataset csv", "csv: no table, expected --table"),
    ("--table faces/table.csv", "synthetic: --table is for --dataset csv alone"),
    ("--data-dir ''", "argument --data-dir: expected a path, got nothing"),
    ("--table ''", "argument --table: expected a path, got nothing"),
    ("--split person", "argument --split: invalid choice: 'person'"),
    ("--seed -1", "argument --seed: expected a whole number from 0 up, got '-1'"),
    ("--seed 1.5", "argument --seed: expected a whole number from 0 up, got '1.5'"),
    ("--sigma -2", "argument --sigma: expected a number from 0 up, got '-2'"),
    ("--sigma nan", "argument --sigma: expected a number from 0 up, got 'nan'"),
    ("--sigma inf", "argument --sigma: expected a number from 0 up, got 'inf'"),
    ("--parts valid valid", "--parts: valid to train on and to evaluate on; take two"),
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
    ("--label-step 3", f"argument --label-step: {STEP}, got '3'"),
    ("--label-step 0", f"argument --label-step: {STEP}, got '0'"),
    ("--label-step 200", f"argument --label-step: {STEP}, got '200'"),
    ("--label-step 0.001", f"argument --label-step: {STEP}, got '0.001'"),
    ("--label-step inf", f"argument --label-step: {STEP}, got 'inf'"),
    ("--kl-reduction sum", "argument --kl-reduction: invalid choice: 'sum'"),
    ("--method dldl --kl-reduction batch", "--kl-reduction is for --method dldl-v2"),
    ("--kl-epochs -1", "argument --kl-epochs: expected a whole number from 0"),
    ("--kl-epochs 8", "--kl-epochs 8: expected fewer than 8"),
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
    (f"--schedule step:{'9' * 5000}", "argument --schedule: expected constant, step:N, cosine"),
    (f"--schedule cosine:{'9' * 5000}", "argument --schedule: expected constant, step:N, cosine"),
    (f"--seed {'9' * 5000}", "argument --seed: expected a whole number from 0"),
    (f"--size {'9' * 20}", "argument --size: expected a whole number from 32"),
    ("--schedule cosine:8", "--schedule cosine:8: 8 of 8 epochs of warm-up leave none to go down"),
    (f"{FACES} --size 32 --balance", "--balance: would change nothing, all ages are as fr"),
    ("--balance=yes", "argument --balance/--no-balance: ignored explicit argument 'yes'"),
    ("--average 0", "argument --average: expected a number between 0 and 1, got '0'"),
    ("--average 1", "argument --average: expected a number between 0 and 1, got '1'"),
    ("--average x", "argument --average: expected a number between 0 and 1, got 'x'"),
    ("--val-every 0", "argument --val-every: expected a whole number from 1"),
    (
        "--name ../mine",
        "argument --name: expected a name of up to 60 characters, no path, got '../mine'",
    ),
    ("--name a/b", "argument --name: expected a name of up to 60 characters, no path, got 'a/b'"),
    ("--name .", "argument --name: expected a name of up to 60 characters, no path, got '.'"),
    ("--name ..", "argument --name: expected a name of up to 60 characters, no path, got '..'"),
    ("--name ''", "argument --name: expected a name of up to 60 characters, no path, got ''"),
    (f"--name {'n' * 61}", "argument --name: expected a name of up to 60 characters, no path"),
    ("--name 'a\nb'", "argument --name: expected a name of up to 60 characters, no path"),
    (
        "--name .hidden",
        "argument --name: expected a name of up to 60 characters, no path, got '.hidden'",
    ),
    (f"{FACES} --size 32 --name done", "runs/done exists; give another --name, or continue it"),
    ("--init nowhere", "nowhere: no checkpoint, nowhere.json is missing; expected a run"),
    ("--init ./tiny", "tiny: no checkpoint, tiny.json is missing; expected a run"),
    ("--init empty", "empty: no checkpoint, checkpoint.json is missing; expected a run"),
    ("--init photo.jpg", "photo.jpg: no checkpoint, photo.jpg.json is missing"),
    ("--init twelve.npz", "twelve.npz: weights of the network tiny12; expected tiny"),
    ("--init tiny --net tiny12", "...tiny.npz: weights of the network tiny; expected tiny12"),
    ("--init ''", "argument --init: expected a path or a name, got ''"),
    ("--dataset utkface --name done", "runs/done exists"),  # before photos are looked for
    (f"{FACES} --split subject", "csv: --split subject: expected a table with a column subject"),
    ("--resume nowhere", "nowhere: no run to resume, its config.json cannot be read"),
    ("--resume photo.jpg", "photo.jpg: no run to resume, its config.json cannot be read"),
    ("--resume ''", "argument --resume: expected a path, got nothing"),
    ("--resume runs/done --epochs 3", "--resume goes alone"),
    ("--resume runs/done --balance", "--resume goes alone"),
    ("--resume runs/done --seed 0", "--resume goes alone"),  # its default
    ("--resume runs/done --net tiny", "--resume goes alone"),
    (f"--{'x' * 5000}", "unrecognized arguments: --xxx"),
    (f"--dataset csv --table {'x' * 5000}", "csv: "),
    (f"--dataset utkface --data-dir {'x' * 5000}", "utkface: "),
    ("--dataset utkface --data-dir notes.txt", "utkface: no folder notes.txt/utkface/UTKFace; put"),
    ("--data-dir notes.txt", "...notes.txt"),
    (f"--init {'x' * 5000}", "xxx"),
    ("--colour red", "unrecognized arguments: --colour red"),
    ("faces", "unrecognized arguments: faces"),
    ("--epochs", "argument --epochs: expected one argument"),
]

EVALUATE = [
    ("", "the following arguments are required: --weights"),
    ("--weights ''", "argument --weights: expected a path or a name, got ''"),
    ("--weights net", "--dataset is missing, and there is no run's config.json"),
    ("--weights none", "none: no such run or checkpoint; expected a run"),
    (f"--weights none {FACES}", "none: no checkpoint, none.json is missing; expected"),
    (f"--weights empty {FACES}", "empty: no checkpoint, checkpoint.json is missing; expected"),
    (f"--weights net rank {FACES}", "net and rank: their predictions cannot be averaged"),
    (f"--weights net none {FACES}", "none: no checkpoint, none.json is missing"),
    (f"--weights net {FACES} --part test", "csv: no part test, only train, valid"),
    (f"--weights net {FACES} --part best", "argument --part: invalid choice: 'best'"),
    ("--weights net --dataset csv", "csv: no table, expected --table"),
    ("--weights net --dataset morph", "morph: no folder data/morph/Album2"),
    (f"--weights net {FACES} --out photo.jpg", "photo.jpg: is a file, expected a folder"),
    (f"--weights net {FACES} --out faces", "faces: holds files that are not of an evaluation"),
    (f"--weights net {FACES} --device tpu", "device 'tpu': expected auto, cpu"),
    (f"--weights net {FACES} --limit 1", "argument --limit: expected a whole number from 2"),
    (f"--weights net {FACES} --batch 0", "argument --batch: expected a whole number from 1"),
]

PREDICT = [
    ("", "the following arguments are required: PHOTO"),
    ("photo.jpg --weights ./tiny", "tiny: no checkpoint, tiny.json is missing; expected a run"),
    ("photo.jpg --weights huge", "huge: no checkpoint, huge.json is missing; expected a run"),
    ("photo.jpg --crop round", "argument --crop: invalid choice: 'round'"),
    ("photo.jpg --box 1,2,3", "argument --box: expected x,y,width,height, got '1,2,3'"),
    ("photo.jpg --box 10,10,nan,20", "argument --box: expected x,y,width,height"),
    ("photo.jpg --box 10,10,1e999,20", "argument --box: expected x,y,width,height"),
    ("photo.jpg --box 10,10,0,20", "photo.jpg: --box: 0 x 20 pixels of the photo, expected 12 or"),
    ("photo.jpg --box -300,-300,100,100", "photo.jpg: --box: 0 x 0 pixels of the photo"),
    ("photo.jpg --landmarks -9,9", "argument --landmarks: expected x,y,x,y,x,y,x,y,x,y, got '-9"),
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
    ("'[a'", "[a: no photo is there, and none matches this as a pattern"),
    (f"{'x' * 5000} --no-detect", "xxx"),
    ("/dev/zero --no-detect", "/dev/zero: a pipe or a device, expected a file"),
    ("photo.jpg --box 1e308,1e308,1e308,1e308", "photo.jpg: --box: "),
    ("photo.jpg --box=-1e308,-1e308,1e308,1e308", "photo.jpg: --box: "),
    (f"photo.jpg --box {'9' * 5000},1,1,1", "argument --box: expected x,y,width,height, got"),
    (f"photo.jpg --landmarks {'x' * 5000}", "argument --landmarks: expected x,y,x,y,x,y,x,y,x,y"),
    ("photo.jpg --no-detect --score nan", "argument --score: expected a number between 0 and 1"),
    ("faces --landmarks 1,1,2,1,1,2,1,3,2,3", "--box and --landmarks are for one photo, and there"),
    ("photo.jpg --weights nowhere", "nowhere: no checkpoint, nowhere.json is missing; expected"),
    ("photo.jpg --weights ''", "argument --weights: expected a path or a name, got ''"),
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
    ("photo.jpg --cache-mb 5", "--cache-mb is for --dataset"),
    ("photo.jpg --no-detect --face 2", "--face 2: expected 1 to 1, the faces in the photo"),
    ("'['", "[: no photo is there, and none matches this as a pattern"),
    ("/dev/null", "/dev/null: "),
    ("photo.jpg --face 0", "argument --face: expected a whole number from 1"),
    ("photo.jpg --no-detect --weights rank", "ranking: no softmax, so no map of an age; try dl"),
    ("photo.jpg --no-detect --weights none", "none: no checkpoint, none.json is missing"),
    ("photo.jpg --no-detect --out net.json", "net.json: is a file, expected a folder"),
    ("--dataset csv", "csv: no table, expected --table"),
    (f"{FACES.partition(' --workers')[0]} --part test", "csv: no part test, only"),
    ("--dataset csv --crop arcface", "--crop is for PHOTO"),
    ("--dataset csv --no-detect", "--no-detect is for PHOTO"),
    ("--dataset csv --face 1", "--face is for PHOTO"),
    ("--dataset csv --smallest 20", "--smallest is for PHOTO"),
    ("--dataset csv --score 0.8", "--score is for PHOTO"),
]

REPRODUCE = [
    ("", "the following arguments are required: TABLE"),
    ("table5", "argument TABLE: invalid choice: 'table5'"),
    ("table1 --net tiny12", "argument --net: invalid choice: 'tiny12'"),
    ("table3 --seeds 0", "argument --seeds: expected a whole number from 1"),
    ("table3 --seeds 1000000000", "argument --seeds: expected a whole number from 1 to 1000, got"),
    ("table3 --epochs 2", "argument --epochs: expected a whole number from 3 up, got '2'"),
    ("table3 --size 8", "argument --size: expected a whole number from 32"),
    ("table3 --no-augment", "table 3 trains with augmentation and without; leave --no-augment out"),
    ("all --no-augment", "table 3 trains with augmentation and without; leave --no-augment out"),
    ("table3 --device gpu", "device 'gpu': expected auto, cpu, cuda or cuda:N"),
    ("table3 --out ''", "argument --out: expected a path, got nothing"),
    ("table3 --start pretrained", "argument --start: invalid choice: 'pretrained'"),
    ("table1 --limit 1000000000", "data/synthetic/v1-seed0-side37: 1000000000 faces take"),
    ("table1 --dataset morph", "morph: no folder data/morph/Album2"),
]

SUFFIXES = ".npz, .onnx, .safetensors"
CONVERT = [
    ("", "the following arguments are required: FROM, TO"),
    ("net.safetensors", "the following arguments are required: TO"),
    ("'' out.npz", "argument FROM: expected a path or a name, got ''"),
    ("net.safetensors ''", "argument TO: expected a path, got nothing"),
    ("none.safetensors out.npz", "none.safetensors: cannot be read (No such file or directory)"),
    ("net.pt out.npz", "net.pt: of PyTorch; tools/from_pytorch.py, in a clone, reads it"),
    ("faces out.safetensors", "faces: no checkpoint, checkpoint.json is missing"),
    ("net.npz out.npz", "net.npz: a checkpoint already, which says all; give it another form"),
    ("tiny out.safetensors --pool gap", "tiny: a checkpoint already, which says all; give it"),
    ("tiny no/folder/out.safetensors", "no/folder/out.safetensors: there is no folder no/folder"),
    ("net.safetensors net.npz", "net.npz: exists, and is not overwritten"),
    (
        "net.safetensors net",
        "argument TO: expected a name that ends in .npz, .onnx, .safetensors, got 'net'",
    ),
    (
        "net.safetensors .",
        "argument TO: expected a name that ends in .npz, .onnx, .safetensors, got '.'",
    ),
    (
        "net.safetensors ..",
        "argument TO: expected a name that ends in .npz, .onnx, .safetensors, got '..'",
    ),
    (
        "net.safetensors d/",
        "argument TO: expected a name that ends in .npz, .onnx, .safetensors, got 'd/'",
    ),
    (
        "net.safetensors .npz",
        "argument TO: expected a name that ends in .npz, .onnx, .safetensors, got '.npz'",
    ),
    (
        "net.safetensors o.json",
        "argument TO: expected a name that ends in .npz, .onnx, .safetensors, got 'o.json'",
    ),
    ("net.safetensors no/folder/out.npz", "no/folder/out.npz: there is no folder no/folder; make"),
    ("net.safetensors notes.txt/out.npz", "notes.txt/out.npz: there is no folder notes.txt; make"),
    ("net.safetensors out.npz --head tanh", "argument --head: invalid choice: 'tanh'"),
    ("net.safetensors out.npz --pool max", "argument --pool: invalid choice: 'max'"),
]

FROM_PYTORCH = [
    ("", "the following arguments are required: FROM, TO"),
    ("none.pt out.npz", "none.pt: cannot be read (No such file or directory)"),
    ("faces out.npz", "faces: cannot be read (Is a directory)"),
    ("/dev/zero out.npz", "/dev/zero: cannot be read (a pipe or a device, expected a file"),
    ("net.pt net.npz", "net.npz: exists, and is not overwritten"),
]

BENCH = [
    ("--cases huge-64-32-train", "argument --cases: case 'huge-64-32-train': expected NETWORK"),
    ("--cases tiny-16-32-train", "argument --cases: case 'tiny-16-32-train': expected NETWORK"),
    ("--cases tiny-64-0-train", "argument --cases: case 'tiny-64-0-train': expected NETWORK"),
    ("--cases tiny-64-32", "argument --cases: case 'tiny-64-32': expected NETWORK"),
    ("--cases ''", "argument --cases: case '': expected NETWORK"),
    ("--cases tiny-30000-32-train", "argument --cases: case 'tiny-30000-32-train': needs about"),
    (
        "--cases thin-64-1000000000-inference",
        "argument --cases: case 'thin-64-1000000000-inference': needs about",
    ),
    ("--workers 1000", "argument --workers: expected a whole number from 1 to 256, got '1000'"),
    ("--engines chainer", "argument --engines: invalid choice: 'chainer' (choose from"),
    ("--against fast", "argument --against: invalid choice: 'fast' (choose from"),
    ("--profile empty", "empty: is a folder, expected a file"),
    (f"--cases tiny-64-{'9' * 5000}-train", "argument --cases: case 'tiny-64-999"),
    ("--rounds 2", "argument --rounds: expected a whole number from 3"),
    ("--workers 0", "argument --workers: expected a whole number from 1"),
    ("--cases tiny-64-2-inference --profile x.png", "--profile: draws a training step, and"),
    ("--profile no/folder/x.png", "no/folder/x.png: there is no folder"),
    ("--profile photo.jpg/x", "photo.jpg/x: there is no folder photo.jpg"),
    ("--profile ''", "argument --profile: expected a path, got nothing"),
]

APP = [
    ("--weights nowhere", "nowhere: no checkpoint, nowhere.json is missing; exp"),
    ("--weights net --port x", "argument --port: expected a whole number from 0 to 65535, got"),
    ("--weights net --port -1", "argument --port: expected a whole number from 0 to 65535"),
    ("--weights net --port 70000", "argument --port: expected a whole number from 0 to 65535"),
    ("--weights net --host localhost", "argument --host: expected an IP address, got 'local"),
    ("--weights net --host ''", "argument --host: expected an IP address, got ''"),
    (
        "--weights net --port 0 --host 203.0.113.1",
        "...203.0.113.1...; choose another --port or --h",
    ),
    ("--weights=", "argument --weights: expected a path or a name, got ''"),
    ("photo.jpg", "unrecognized arguments: photo.jpg"),
]

DATASETS = [
    ("", "the following arguments are required: name"),
    ("faces", "argument name: invalid choice: 'faces'"),
    ("csv --sigma -2", "argument --sigma: expected a number from 0 up, got '-2'"),
    ("synthetic --count 0", "argument --count: expected a whole number from 1"),
    (
        "synthetic --count 1000000000",
        "data/synthetic/v1-seed0-side...: 1000000000 faces take about",
    ),
    ("synthetic --side 0", "argument --side: expected a whole number from 1"),
    (
        "csv --table faces/table.csv --out faces",
        "faces: holds photos of the data set; give another",
    ),
    ("csv --table faces/table.csv --out ./faces/", "faces: holds photos of the data set; give"),
    ("csv --table faces/table.csv --out notes.txt", "notes.txt: is a file, expected a folder"),
    ("synthetic --out notes.txt/x", "notes.txt: is a file, expected a folder"),  # draws nothing
    ("synthetic --out /proc/x", "/proc/x: cannot be written"),
    ("csv --table faces/table.csv --crop oval", "argument --crop: invalid choice: 'oval'"),
    (
        "csv --table faces/table.csv --score 1",
        "argument --score: expected a number between 0 and 1",
    ),
    ("csv --table faces/table.csv --loaders 0", "argument --loaders: expected a whole number from"),
    ("utkface --table faces/table.csv", "utkface: --table is for --dataset csv alone"),
    ("utkface --align", "utkface: its faces are aligned already; --align is for chalearn15"),
    ("synthetic --align", "synthetic: its faces are aligned already; --align is for chalearn15"),
]

GRADE = [
    ("", "the following arguments are required: NOTEBOOK"),
    ("nowhere.ipynb", "nowhere.ipynb: cannot be read (No such file or directory)"),
    ("faces", "faces: cannot be read ("),
    ("notes.txt", "notes.txt: not a notebook; expected a copy of one from lessons/exercises"),
    ("photo.jpg", "photo.jpg: not a notebook; expected a copy of one"),
    ("runs/done/config.json", "runs/done/config.json: not a notebook; expected a copy of one"),
    ("a.ipynb --csv faces/table.csv", "faces/table.csv: not a table of this command (note"),
    ("a.ipynb --csv notes.txt", "notes.txt: not a table of this command (notebook,sha256,"),
    ("a.ipynb --csv faces", "faces: cannot be read ("),
    ("a.ipynb --seconds 0", "argument --seconds: expected seconds, up to 86400, got '0'"),
    ("a.ipynb --seconds 1e7", "argument --seconds: expected seconds, up to 86400, got '1e7'"),
    ("a.ipynb --memory x", "argument --memory: expected a number above 0, got 'x'"),
]

ARGUMENTS = {
    "train": TRAIN,
    "evaluate": EVALUATE,
    "predict": PREDICT,
    "explain": EXPLAIN,
    "reproduce": REPRODUCE,
    "convert": CONVERT,
    "from_pytorch": FROM_PYTORCH,
    "bench": BENCH,
    "app": APP,
    "datasets": DATASETS,
    "grade": GRADE,
}


@pytest.mark.parametrize(
    ("line", "words"),
    [(f"{command} {given}", words) for command, rows in ARGUMENTS.items() for given, words in rows],
)
def test_arguments(line, words, refuses):
    refuses(line, words)


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
    "fg-net": {"images/001A02.JPG": PHOTO},
    "afad": {"AFAD-Full/15/111/638660-1.jpg": PHOTO},
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
        ("train15_gt.csv", "a.jpg", "@/train15_gt.csv, line 1: column 2 is empty in 'a.jpg'"),
        ("train15_gt.csv", "b.jpg,20,3", "@/train15_gt.csv, line 1: no photo @/Train/b.jpg; 1 of"),
        ("train15_gt.csv", "a.jpg,nan,nan", "@/train15_gt.csv, line 1: the age is 'nan', expected"),
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
            "@/gt_avg_valid.csv: no column for the age, e",
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
    "fg-net": [
        ("images/001B02.JPG", PHOTO, "@/images/001B02.JPG: expected a name such as 001A02.JPG"),
        ("images/001A.JPG", PHOTO, "@/images/001A.JPG: expected a name such as 001A02.JPG"),
    ],
    "afad": [
        ("AFAD-Full/15", None, "@/AFAD-Full: no folder */11[12], expected 15/111/638660-1.jpg"),
        ("AFAD-Full/15/111/638660-1.jpg", None, "no photo in @/AFAD-Full/15/111, expected .jpg"),
        ("AFAD-Full/old/112/1.jpg", PHOTO, "@/AFAD-Full/old/112/1.jpg: expected a name such as"),
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
    ("path,age,AGE\n0.png,10,11", ": columns 2 (age) and 3 (age) say the same"),
    ("path,age,x,mean\n0.png,10,,11", ": columns 2 (age) and 4 (mean) say the same"),
    ("photo,age,path\n0.png,10,1.png", ": columns 1 (photo) and 3 (path) say the same"),
    ("path,age,std,sigma\n0.png,1,2,3", ": columns 3 (std) and 4 (sigma) say the same"),
    ("path,age,part,split\n0.png,1,test,train", ": columns 3 (part) and 4 (split) say the same"),
    ("path,age,person,subject\n0.png,1,a,b", ": columns 3 (person) and 4 (subject) say the same"),
    ("path,age\n0.png,old", ", line 2: the age is 'old', expected a number"),
    ("path,age\n0.png,nan", ", line 2: the age is 'nan', expected a number"),
    ("path,age\n0.png,inf", ", line 2: the age is 'inf', expected a number"),
    ("path,age\n0.png,1e999", ", line 2: the age is '1e999', expected a number"),
    ("path,age\n0.png,20-29", ", line 2: the age is '20-29', expected a number"),
    ("path,age\n0.png,25 years", ", line 2: the age is '25 years', expected a number"),
    ("path,age\n0.png,0x20", ", line 2: the age is '0x20', expected a number"),
    ("path,age\n0.png,1_0", ", line 2: the age is '1_0', expected a number"),
    ("path,age\n0.png,", ", line 2: column 2 is empty in '0.png,'"),
    ("path,age\n0.png", ", line 2: column 2 is empty in '0.png'"),
    ("path,age\n,10", ", line 2: column 1 is empty in ',10'"),
    ("path,age\n0.png,10\n\n1.png,x", ", line 4: the age is 'x', expected a number"),
    ("path;age\n0.png;1.234,5", ", line 2: the age is '1.234,5', expected a number"),
    ("path,age,sigma\n0.png,10,-3", ", line 2: sigma is -3.0, expected 0 to 100"),
    ("path,age,sigma\n0.png,10,", ", line 2: column 3 is empty in '0.png,10,'"),
    ("path,age,sigma\n0.png,10", ", line 2: column 3 is empty in '0.png,10'"),
    ("path,age,sigma\n0.png,10,1e300", ", line 2: sigma is 1e+300, expected 0 to 100"),
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
        ("evaluate --weights net", "train", "csv: no part valid or test, only train, all"),
        ("evaluate --part train --weights net", "test", "csv: no part train, only test, all"),
    ],
)
def test_a_table_without_the_part(command, parts, words, refuses):
    put("faces/own.csv", "\n".join(["path,age,part", *(f"{i}.png,20,{parts}" for i in range(5))]))
    refuses(f"{command} --dataset csv --table faces/own.csv", words)


def test_a_table_of_one_subject(refuses, capfd):
    """All its photos stay in one part; to evaluate on all of them is fine."""
    lines = ["path,age,subject", *(f"{i}.png,20,me" for i in range(5))]
    put("faces/own.csv", "\n".join(lines))
    refuses("train --dataset csv --table faces/own.csv", "csv: no part valid or test, only train")
    parts = load("csv", Options(Path("data"), table=Path("faces/own.csv")))
    assert capfd.readouterr().out.startswith("warning: all photos are of one subject, so all are")
    assert {name: len(photos) for name, photos in parts.items()} == {"train": 5}


def test_a_split_by_subject_of_a_table_that_says_the_parts(refuses):
    put("faces/own.csv", "path,age,part,subject\n0.png,1,train,a\n1.png,2,valid,b")
    words = "csv: --split subject: expected a table with a column subject and none for part"
    refuses("train --dataset csv --table faces/own.csv --split subject", words)


def test_runs_that_cannot_be_written(refuses):
    put("runs", "a file")
    words = "runs: is a file, expected a folder; start from another folder"
    refuses("train --dataset utkface", words)  # before photos are looked for


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


@pytest.mark.parametrize("command", ["train", "evaluate --weights net", "explain", "datasets"])
@pytest.mark.parametrize(("table", "words"), NO_TABLES)
def test_no_table(command, table, words, refuses):
    name = "csv" if command == "datasets" else "--dataset csv"
    refuses(f"{command} {name} --table {table}", words)


# ------------------------------------------------------------------------------------------- photos


def saved(format, size=(60, 60), mode="RGB"):
    """The bytes of a gradient as Pillow saves it."""
    data = io.BytesIO()
    Image.linear_gradient("L").convert(mode).resize(size).save(data, format)
    return data.getvalue()


def png(width, height, lines=b""):
    """The bytes of a PNG that says it has so many pixels of 8-bit gray."""
    parts = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)}
    parts |= {b"IDAT": zlib.compress(lines), b"IEND": b""}
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


UNKNOWN = "not a photo that can be read; expected JPEG, PNG, WebP, TIFF, GIF, BMP or PPM"
DAMAGED = "a photo that cannot be decoded"
BOMB = "the photo has more than 201 million pixels; make it smaller first"
LARGE = "101 million pixels, expected 101 at most, or a JPEG that is not progressive"
JPEG, SIDES = saved("JPEG"), struct.pack(">HH", 60, 60)
PHOTOS = (
    {
        "nothing": (b"", "the file is empty"),
        "text": ("some text", UNKNOWN),
        "a page": ("<!doctype html><title>404 Not Found</title>", UNKNOWN),
        "a drawing": ('<svg xmlns="http://www.w3.org/2000/svg"/>', UNKNOWN),
        "PostScript": (
            "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nquit\n",
            UNKNOWN,
        ),
        "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", UNKNOWN),
        "a film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", UNKNOWN),
        "zeros": (bytes(5000), UNKNOWN),
        "the mark of a JPEG": (b"\xff\xd8\xff", UNKNOWN),
        "the mark of a PNG": (b"\x89PNG\r\n\x1a\n", UNKNOWN),
        "the mark of a GIF": (b"GIF89a", UNKNOWN),
        "the mark of a BMP": (b"BM", UNKNOWN),
        "the mark of a TIFF": (b"II*\0", UNKNOWN),
        "the mark of a PPM": (b"P6\n", DAMAGED),
        "the mark of a WebP": (b"RIFF\x04\0\0\0WEBP", UNKNOWN),
        "a PPM of no height": (b"P6 60 -60 255\n", UNKNOWN),
        "a PNG of no width": (png(0, 60), UNKNOWN),
        "a JPEG without tables": (JPEG[:20] + JPEG[-40:], UNKNOWN),
        "a PNG with a wrong sum": (png(60, 60, bytes(61 * 60))[:-20] + bytes(20), DAMAGED),
        "a PNG without pixels": (png(60, 60), DAMAGED),
        "a PNG larger than memory": (png(2**31 - 1, 2**31 - 1), BOMB),
        "a PNG just too large": (png(10040, 10040), LARGE),
        "a JPEG too large": (JPEG.replace(SIDES, b"\xff\xdc" * 2), BOMB),
        "a pipe": (PIPE, "a pipe or a device, expected a file"),
        "a stripe": (png(3000, 59), "3000 x 59 pixels are a stripe, not a photo"),
        "a stripe that stands": (png(1, 51), "1 x 51 pixels are a stripe, not a photo"),
        "a photo of one pixel": (
            saved("PNG", (1, 1)),
            "1 x 1 pixels, expected 12 or more a side for",
        ),
        "a photo too low": (
            saved("PNG", (40, 8)),
            "40 x 8 pixels, expected 12 or more a side for a fa",
        ),
        "floating-point numbers": (
            saved("TIFF", mode="F"),
            "pixels are floating-point numbers; save",
        ),
    }
    | {
        f"half a {format}": (saved(format)[: len(saved(format)) // 2], DAMAGED)
        for format in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM")
    }
    | {
        f"{format}, which Pillow can read": (saved(format), UNKNOWN)
        for format in ("EPS", "ICNS", "ICO", "JPEG2000", "PCX", "SGI", "TGA")
    }
)


@pytest.mark.parametrize(("content", "words"), PHOTOS.values(), ids=PHOTOS)
def test_photos(content, words, refuses):
    put("odd.jpg", content)
    refuses("predict --no-detect odd.jpg", f"odd.jpg: {words}")
    refuses("explain --no-detect odd.jpg", f"odd.jpg: {words}")


# ------------------------------------------------------------------------------------ PyTorch files

SYSTEM = b"cposix\nsystem\n(S'touch made'\ntR"
ARRAYS = {"fc.weight": tensor("k", 6, (2, 3)), "fc.bias": tensor("k", 6, (2,))}
NUMBERS = {"k": np.zeros(6, "f4")}
WHOLE = zip_file(state_dict(ARRAYS), NUMBERS)
UNFIT = "holds neither a network nor a state_dict"
CUT = "damaged: the numbers of a tensor are not all there"
FILES = {
    "nothing": (b"", "not a PyTorch file"),
    "text": (b"some text", "not a PyTorch file"),
    "a pickle": (pickle.dumps({"fc.weight": [1.0]}), "not a PyTorch file"),
    "a call, in an old file": (legacy_file(SYSTEM), "posix.system is refused: "),
    "a call, in a new file": (zip_file(SYSTEM), "posix.system is refused: "),
    "a call of eval": (zip_file(b"cbuiltins\neval\n(S'1'\ntR"), "builtins.eval is refused: "),
    "another network": (WHOLE, "2 arrays of no network that is known here: fc.weight (2, 3), fc."),
    "a file cut off": (WHOLE[:-30], "not a PyTorch file that can be read"),
    "an old file cut off": (legacy_file(state_dict(ARRAYS), NUMBERS)[:-9], CUT),
    "a packed archive": (zip_file(state_dict(ARRAYS), NUMBERS, 8), "a zip archive that is packed"),
    "an archive without numbers": (zip_file(state_dict(ARRAYS)), "not a PyTorch file that can be"),
    "an array of more numbers": (zip_file(state_dict(ARRAYS), {"k": NUMBERS["k"][:3]}), CUT),
    "a tensor beyond its storage": (
        zip_file(state_dict({"w": tensor("k", 6, (9, 9))}), NUMBERS),
        "damaged: a tensor is larger than its storage",
    ),
    "a number": (zip_file(plain(7), {}), UNFIT),
    "an empty state_dict": (zip_file(state_dict({})), UNFIT),
    "a list of tensors": (zip_file(b"](" + tensor("k", 6, (6,)) + b"e", NUMBERS), UNFIT),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_pytorch_files(content, words, refuses):
    put("odd.pt", content)
    refuses("from_pytorch odd.pt out.npz", f"odd.pt: {words}")


WEIGHTS = [
    ({"conv1_1.weight": None}, "66 arrays of no network that is known here: bn1_1.weight (16,), "),
    ({"conv1_1.weight": np.zeros((16, 1, 3, 3))}, "the network is tiny, but for conv1_1.W: expect"),
    ({"conv1_1.weight": np.zeros((16, 3, 5, 5))}, "the network is tiny, but for conv1_1.W: expect"),
    ({"conv2_1.weight": np.zeros((48, 16, 3, 3))}, "67 arrays of no network that is known here: "),
    ({"bn3_2.running_var": None}, "66 arrays of no network that is known here: "),
    ({"bn3_2.running_mean": np.zeros(63)}, "the network is tiny, but for bn3_2.running_mean: exp"),
    ({"bn3_2.weight": np.zeros((64, 1))}, "67 arrays of no network that is known here: "),
    ({"fc.bias": None}, "66 arrays of no network that is known here: ...fc.weight (101, 128); kno"),
    ({"fc.bias": np.zeros(100)}, "67 arrays of no network that is known here: ...fc.bias (100,); "),
    ({"fc.weight": np.zeros((101, 64))}, "the network is tiny, but for fc.W: expected shape (128,"),
    ({"fc.weight": np.zeros((101, 128, 1))}, "67 arrays of no network that is known here: "),
    ({"head.weight": np.zeros((2, 101)), "head.bias": np.zeros(2)}, "69 arrays of no network that"),
    (
        {"conv2_1.bias": np.zeros(31)},
        "the network is tiny, but for conv2_1.b: expected shape (32",
    ),
    (
        {"fc.bias": np.full(101, np.nan)},
        "the network is tiny, but for fc.b: holds numbers that a",
    ),
    ({"bn3_2.running_var": np.full(64, -1)}, "the network is tiny, but for bn3_2.running_var: hol"),
]


@pytest.mark.parametrize(("changes", "words"), WEIGHTS)
def test_weights_of_other_networks(changes, words, refuses):
    arrays = from_pytorch.read("net.pt").arrays | changes
    put("odd.pt", pt_file({name: a for name, a in arrays.items() if a is not None}))
    refuses("from_pytorch odd.pt out.npz", f"odd.pt: {words}")


@pytest.mark.parametrize(
    "name", ["conv2_1.weight", "conv2_1.bias", "bn2_1.running_mean", "fc.bias"]
)
@pytest.mark.parametrize(("kind", "dtype"), [("Bool", "?"), ("Int", "i4")])
def test_weights_that_are_no_real_numbers(name, kind, dtype, refuses):
    arrays = from_pytorch.read("net.pt").arrays
    arrays |= {"conv2_1.bias": np.zeros(32, "f4")}
    arrays[name] = np.ones(arrays[name].shape, dtype)
    items = {
        own: tensor(own, a.size, a.shape, kind=f"{kind if own == name else 'Float'}Storage")
        for own, a in arrays.items()
    }
    put("odd.pt", zip_file(state_dict(items), arrays))
    refuses(
        "from_pytorch odd.pt out.npz", "odd.pt: the network is tiny, but for ...: expected real num"
    )


# ----------------------------------------------------------------------------------------- networks

# What is no network, in its JSON or in its arrays, and each command that reads one. Many more ways
# to be none: test_trained.py.
NETWORKS = [
    (".json", PIPE, "bad: not a checkpoint that can be read (...a pipe or a device"),
    (".npz", PIPE, "bad: not a checkpoint that can be read (...a pipe or a device"),
    (".json", "[" * 100_000, "bad: not a checkpoint that can be read"),
    (".json", {"grid.first": 100}, "bad: ...last: expected 0 <= first < last <= 1000 years"),
    (".json", {"network.side": 10**9}, "bad: ...side: expected 1 to 4096 pixels, found 1000000000"),
    (".json", {"channels.std": [0, 0, 0]}, "bad: ...std: expected three numbers from 1e-6"),
    (
        ".npz",
        {"model.fc.b": np.full(101, np.nan)},
        "bad: model.fc.b: holds numbers that",
    ),
    (
        ".npz",
        {"model.bn1_1.running_var": np.full(16, -1.0)},
        "bad: model.bn1_1.running_var: ho",
    ),
    (
        ".npz",
        {"model.fc.b": np.full(101, "x")},
        "bad: model.fc.b: expected real numbers, ",
    ),
]
LOADING = [
    f"train {FACES} --size 32 --init bad",
    f"evaluate {FACES} --weights bad",
    f"evaluate {FACES} --weights net bad",
    "predict photo.jpg --no-detect --weights bad",
    "explain photo.jpg --no-detect --weights bad",
    "explain --dataset csv --table faces/table.csv --weights bad",
    "app --port 0 --weights bad",
]


@pytest.fixture
def copied(refuses):
    """`refuses`, where `bad` is a copy of the network `net`."""
    for suffix in (".npz", ".json"):
        shutil.copy(f"net{suffix}", f"bad{suffix}")
    return refuses


@pytest.mark.parametrize("line", LOADING)
@pytest.mark.parametrize(("suffix", "changes", "words"), NETWORKS, ids=range(len(NETWORKS)))
def test_networks(line, suffix, changes, words, copied):
    alter(f"bad{suffix}", changes)
    copied(line, words)


@pytest.mark.parametrize("line", [line for line in LOADING if "photo.jpg" in line])
def test_a_network_that_predicts_no_number(line, copied):
    """Each weight is finite, but no sum of products with them is."""
    alter("bad.npz", {"model.fc.W": np.full((128, 101), np.finfo("f4").max)})
    copied(line, "what the network predicts is not finite")


# ------------------------------------------------------------------------------------------- resume

# Rows of what is changed in a folder that holds a run of two epochs, which has one left to go.
RUN = "runs/done"
STATE = f"{RUN}/checkpoint"
NO_RUN = f"{RUN}: no run to resume, its config.json cannot be read"
RESUME = [
    ("config.json", None, NO_RUN),
    ("config.json", "", NO_RUN),
    ("config.json", "{", NO_RUN),
    ("config.json", b"\xff\xfe{", NO_RUN),
    ("config.json", "[]", NO_RUN),
    ("config.json", "{}", NO_RUN),
    ("config.json", "null", NO_RUN),
    ("config.json", "[" * 100_000, NO_RUN),
    ("config.json", '{"arguments": {"size": NaN}}', NO_RUN),
    ("config.json", '{"arguments": 1}', NO_RUN),
    ("config.json", '{"arguments": {}}', NO_RUN),
    ("config.json", {"arguments": []}, NO_RUN),
    ("config.json", {"photos": None}, NO_RUN),
    ("config.json", {"engine": None}, NO_RUN),
    ("config.json", {"photos": [15, 3]}, f"{RUN}: begun on [15, 3] photos, now there are [8, 2]"),
    ("config.json", {"names_and_labels": 0}, f"{RUN}: begun on photos of other names, ages or si"),
    ("config.json", {"arguments.size": None}, f"{RUN}/config.json: without the argument size, so"),
    ("config.json", {"arguments.lr": None}, f"{RUN}/config.json: without the argument lr, so of"),
    ("config.json", {"arguments.size": {}}, "argument --size: expected a whole number from 32"),
    (
        "config.json",
        {"arguments.epochs": 1, "arguments.kl_epochs": 0},
        f"{RUN}: its checkpoint is of epoch 2 of 1",
    ),
    ("config.json", {"arguments.size": "x"}, "argument --size: expected a whole number from 32"),
    ("config.json", {"arguments.size": 48.5}, "argument --size: expected a whole number from 32"),
    ("config.json", {"arguments.size": [32, 64]}, "unrecognized arguments: 64"),
    ("config.json", {"arguments.epochs": True}, "argument --epochs: expected one argument"),
    ("config.json", {"arguments.epochs": False}, "unrecognized arguments: --no-epochs"),
    ("config.json", {"arguments.balance": 1}, "argument --balance/--no-balance: ignored explicit"),
    ("config.json", {"arguments.lr": -1}, "argument --lr: expected a number above 0, got '-1'"),
    ("config.json", {"arguments.method": "dex"}, f"{RUN}/config.json: with the argument kl_epochs"),
    ("config.json", {"arguments.pool": "max"}, "argument --pool: invalid choice: 'max'"),
    ("config.json", {"arguments.augment": ["blur"]}, "argument --augment: invalid choice: 'blur'"),
    ("config.json", {"arguments.members": 3}, f"{RUN}/config.json: with the argument members, so"),
    (
        "config.json",
        {"arguments.colour": "red"},
        f"{RUN}/config.json: with the argument colour, so",
    ),
    ("config.json", {"arguments.help": True}, f"{RUN}/config.json: with the argument help, so of"),
    ("config.json", PIPE, NO_RUN),
    ("config.json", {"arguments.table": "none.csv"}, "csv: no table none.csv"),
    ("config.json", {"arguments.net": "thin"}, "...model.conv1_1.W: expected shape (3, 3, 3, 32)"),
    ("timing.csv", b"\xff\x00\x01", f"{RUN}/timing.csv: cannot be read"),
    (
        "timing.csv",
        PIPE,
        f"{RUN}/timing.csv: cannot be read (...a pipe or a device, expected a file",
    ),
    ("timing.csv", "epoch\n1\n3\n", f"{RUN}/timing.csv: expected numbers in the columns epoch, s"),
    ("checkpoint.json", None, f"{RUN}...: no checkpoint, checkpoint.json is missing"),
    ("checkpoint.json", PIPE, f"{RUN}...a pipe or a device, expected a file"),
    ("checkpoint.npz", PIPE, f"{RUN}...a pipe or a device, expected a file"),
    ("checkpoint.json", "{", f"{RUN}...: not a checkpoint that can be read"),
    ("checkpoint.json", "[]", f"{STATE}: not the description of a checkpoint"),
    ("checkpoint.json", {"channels.mean": None}, f"{STATE}: not the checkpoint of a network"),
    ("checkpoint.json", {"channels.std": [0, 0, 0]}, f"{RUN}...std: expected three numbers from"),
    ("checkpoint.npz", "", f"{RUN}...: not a checkpoint that can be read"),
    ("checkpoint.npz", "some text", f"{RUN}...: not a checkpoint that can be read"),
    ("checkpoint.npz", {"epoch": np.array(4)}, f"{RUN}: its checkpoint is of epoch 4 of 3"),
    (
        "checkpoint.npz",
        {"model.fc.W": None},
        f"{STATE}: model.fc.W: expected shape (128, ",
    ),
    (
        "checkpoint.npz",
        {"model.fc.b": np.zeros(7)},
        f"{STATE}: model.fc.b: expected shape (101,",
    ),
    ("checkpoint.npz", {"optimizer.t": None}, f"{STATE}: optimizer.t: expected shape (), found"),
    ("checkpoint.npz", {"optimizer.m.fc.W": np.zeros(3)}, f"{STATE}: optimizer.m.fc.W: expected"),
]


EPOCH = f"{STATE}: epoch: expected "
RESUME += [
    ("checkpoint.npz", {"epoch": epoch}, words)
    for epoch, words in (
        (None, EPOCH + "shape (), found nothing"),
        (np.array("1"), EPOCH + "whole numbers, found str32"),
        (np.array(1.5), EPOCH + "whole numbers, found float64"),
        (np.array(np.nan), EPOCH + "whole numbers, found float64"),
        (np.array(1j), EPOCH + "whole numbers, found complex128"),
        (np.array([1, 2]), EPOCH + "shape (), found shape (2,)"),
        (np.array(10**18), f"{RUN}: its checkpoint is of epoch 1000000000000000000 of 3"),
        (np.array(0), f"{RUN}: its checkpoint is of epoch 0 of 3"),
        (np.array(-1), f"{RUN}: its checkpoint is of epoch -1 of 3"),
    )
]
RESUME += [
    ("checkpoint.npz", changes, f"{STATE}: {words}")
    for changes, words in (
        ({"optimizer.t": np.array(-1)}, "optimizer.t: holds a negative number"),
        ({"optimizer.t": np.array(1.5)}, "optimizer.t: expected whole numbers, found float64"),
        ({"optimizer.m.fc.b": np.full(101, np.nan)}, "optimizer.m.fc.b: holds numbers that are no"),
        ({"optimizer.v.fc.b": np.full(101, -1.0)}, "optimizer.v.fc.b: holds a negative number"),
        ({"optimizer.x": np.zeros(1)}, "'optimizer.x': an array that the network does not have"),
    )
]


@pytest.mark.parametrize(("name", "changes", "words"), RESUME)
def test_resume(name, changes, words, refuses):
    alter(f"{RUN}/{name}", changes)
    refuses(f"train --resume {RUN}", words)


MOVED = [
    ("faces/3.png", None, "csv: ...faces/table.csv, line 5: no photo "),
    (
        "faces/table.csv",
        "path,age\n0.png,1\n1.png,2\n2.png,3\n3.png,4\n4.png,5\n5.png,6\n6.png,7\n7.png,8",
        f"{RUN}: begun on [8, 2] photos, now there are [6, 2]",
    ),
    ("faces/table.csv", None, "csv: no table "),
]


@pytest.mark.parametrize(("name", "content", "words"), MOVED)
def test_a_run_whose_photos_are_others(name, content, words, refuses):
    put(name, content)
    refuses(f"train --resume {RUN}", words)
