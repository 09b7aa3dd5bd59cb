"""What PyTorch writes is read as it was, in both formats; crafted files run nothing."""

import os
from collections import OrderedDict

import numpy as np
import pytest
from from_pytorch import read
from helpers.torch_files import legacy_file, plain, state_dict, storage, tensor, zip_file

from tinydldl.errors import UserError

FORMATS = {"before 1.6": legacy_file, "1.6 or later": zip_file}
each_format = pytest.mark.parametrize("make", FORMATS.values(), ids=list(FORMATS))
A = np.arange(6, dtype="f4")


@pytest.fixture
def read_data(tmp_path):
    """`read` of bytes."""

    def read_data(data):
        (tmp_path / "file.pt").write_bytes(data)
        return read(tmp_path / "file.pt")

    return read_data


def refuses(read_data, data, message):
    """Whether reading raises one line that names the file and says `message`."""
    with pytest.raises(UserError, match=message) as error:
        read_data(data)
    assert "file.pt: " in str(error.value)
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------------------------ files by hand


@pytest.mark.parametrize("text", FORMATS)
def test_a_state_dict(text, read_data):
    items = {
        "a.weight": tensor("0", 6, (2, 3)),
        "a.transposed": tensor("0", 6, (3, 2), strides=(1, 3)),
        "a.last": tensor("0", 6, (2,), offset=4),
        "b": tensor("1", 1, (), kind="LongStorage"),
    }
    data = FORMATS[text](state_dict(items), {"0": A, "1": np.array([7], "i8")})
    weights = read_data(data)
    assert list(weights.arrays) == list(items)
    wanted = [A.reshape(2, 3), A.reshape(2, 3).T, A[4:], 7]
    for array, value in zip(weights.arrays.values(), wanted, strict=True):
        np.testing.assert_array_equal(array, value)
    assert weights.modules == {}
    assert weights.text == f"a state_dict, PyTorch {text}"


@each_format
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("DoubleStorage", "f8"),
        ("HalfStorage", "f2"),
        ("IntStorage", "i4"),
        ("ShortStorage", "i2"),
        ("CharStorage", "i1"),
        ("ByteStorage", "u1"),
        ("BoolStorage", "?"),
    ],
)
def test_kinds_of_numbers(kind, dtype, make, read_data):
    data = make(state_dict({"a": tensor("k", 6, (6,), kind=kind)}), {"k": A.astype(dtype)})
    array = read_data(data).arrays["a"]
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, A.astype(dtype))


def test_big_endian_numbers(read_data):
    data = state_dict({"a": tensor("k", 6, (6,))})
    data = zip_file(data, {"k": A.astype(">f4")}, byteorder=b"big")
    np.testing.assert_array_equal(read_data(data).arrays["a"], A)


@each_format
@pytest.mark.parametrize("name", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_in_a_larger_dict(name, make, read_data):
    inner = state_dict({"module.a": tensor("k", 6, (6,)), "module.b": tensor("k", 6, (6,))})
    data = b"}(" + plain("epoch") + plain(3) + plain(name) + inner + b"u"
    assert list(read_data(make(data, {"k": A})).arrays) == ["a", "b"]


@each_format
@pytest.mark.parametrize(
    "value",
    [np.float64(3.2), np.float32(3.2), np.int64(7), np.bool_(True), np.arange(3.0), np.zeros(0)],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'shape', '')}",
)
@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_what_numpy_left_beside_the_weights_is_passed_over(module, value, make, read_data):
    """As a training script saves its best figure; NumPy 1 and 2 name their module in two ways."""
    best = plain(value).replace(b"numpy._core.multiarray", module)
    inner = state_dict({"a": tensor("k", 6, (6,))})
    data = b"}(" + plain("best") + best + plain("epoch") + plain(5) + plain("state_dict") + inner
    arrays = read_data(make(data + b"u", {"k": A})).arrays
    assert list(arrays) == ["a"]
    np.testing.assert_array_equal(arrays["a"], A)


# ------------------------------------------------------------------------------------ crafted files


def call(function, *arguments):
    """The instructions that call a function of this machine."""
    name = f"c{function.__module__}\n{function.__name__}\n"
    return name.encode() + b"(" + b"".join(map(plain, arguments)) + b"tR"


@each_format
def test_calls_are_refused_wherever_they_hide(make, read_data, tmp_path):
    target = tmp_path / "made"
    bad = call(os.mkdir, str(target))
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
    module = b"cmodel\nNet\n)\x81}(" + plain("_parameters") + b"}" + plain("_buffers") + b"}"
    hiding = [
        bad,
        b"](" + bad + b"e",
        state_dict({"a": bad, "b": tensor("k", 6, (6,))}),
        state_dict({"a": rebuild + bad + plain(0) + b"))tR"}),  # as a storage
        state_dict({"a": rebuild + storage("k", 6) + bad + b"))tR"}),  # as an offset
        state_dict({"a": tensor("k", 6, (6,))[:-2] + bad + b"tR"}),  # as one argument more
        state_dict({"a": tensor("k", 6, (6,))}) + b"}" + plain("_metadata") + bad + b"sb",
        module + plain("_modules") + b"}" + plain("a") + bad + b"su" + b"b",
        b"(" + plain("storage") + bad + plain("k") + plain("cpu") + plain(6) + b"tQ",
        b"(" + plain("module") + bad + b"tQ",
        bad + b")R",
    ]
    for instructions in hiding:
        refuses(read_data, make(instructions, {"k": A}), r"\.mkdir is refused")
    refuses(read_data, make(call(eval, "1")), r"builtins\.eval is refused")
    assert not target.exists()


def test_calls_are_refused_in_each_pickle_of_an_old_file(read_data, tmp_path):
    data = legacy_file(state_dict({"a": tensor("k", 6, (6,))}), {"k": A})
    bad = b"\x80\x02" + call(os.mkdir, str(tmp_path / "made")) + b"."
    ends = [i + 1 for i in range(len(data)) if data[i : i + 3] == b".\x80\x02"]
    for end in ends:
        refuses(read_data, data[:end] + bad + data[end:], "is refused|version|not a PyTorch file")
    refuses(read_data, bad + data, "not a PyTorch file")
    assert len(ends) == 4
    assert not (tmp_path / "made").exists()


@each_format
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (tensor("k", 6, (7,)), "larger than its storage"),
        (tensor("k", 6, (6,), offset=1), "outside its storage"),
        (tensor("k", 6, (2, 3), strides=(3, 2)), "outside its storage"),
        (tensor("k", 6, (1000, 1000), strides=(0, 0)), "larger than its storage"),
        (tensor("k", 6, (2,), strides=(2**62,)), "outside its storage"),
        (tensor("k", 6, (2,), strides=(2**80,)), "outside its storage"),
        (tensor("k", 6, (6,), strides=(-1,)), "an odd offset, shape or strides"),
        (tensor("k", 6, (6,), offset=-1), "an odd offset, shape or strides"),
        (tensor("k", 6, (6,), offset="a"), "an odd offset, shape or strides"),
        (tensor("k", 6, (1,) * 65, strides=(1,) * 65), "an odd offset, shape or strides"),
        (tensor("k", 6, (2**128,)), "an odd offset, shape or strides"),
        (tensor("k", 6, (6,), strides=()), "an odd offset, shape or strides"),
        (tensor("k", 5, (5,)), "damaged: the numbers of a tensor are not all there"),
        (tensor("k", 2**60, (6,)), "damaged: the numbers of a tensor are not all there"),
        (tensor("k", -1, (6,)), "kept outside, but not as PyTorch does"),
        (tensor("k", 6, (6,), kind="ComplexFloatStorage"), "ComplexFloatStorage is"),
        (plain("key") + b"Q", "kept outside, but not as PyTorch does"),
        (plain(3) + b"Q", "kept outside, but not as PyTorch does"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R", "TypeError"),
        (b"ctorch._utils\n_rebuild_parameter\n)R", "TypeError"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(K\x00K\x00))tR", "not made of a storage"),
        (b"ccollections\nOrderedDict\n(](K\x01K\x02\x86etR", "a key that is no text"),
    ],
)
def test_odd_tensors(bad, message, make, read_data):
    refuses(read_data, make(state_dict({"a": bad}), {"k": A}), message)


@each_format
def test_every_truncation_is_one_line(make, read_data):
    data = make(state_dict({"a": tensor("k", 6, (6,))}), {"k": A})
    for length in range(0, len(data), 5):
        refuses(read_data, data[:length], "file.pt: .")


def test_other_files(read_data, tmp_path):
    refuses(read_data, b"\xff\xd8\xff\xe0 a photo", "not a PyTorch file")
    refuses(read_data, plain(7) + b".", "not a PyTorch file")
    refuses(read_data, zip_file(b"N").replace(b"data.pkl", b"data.txt"), "no data.pkl")
    refuses(read_data, b"PK but no archive", "not a PyTorch file that can be read .BadZipFile")
    refuses(read_data, legacy_file(plain(["a"])), "neither a network nor a state_dict")
    refuses(read_data, zip_file(b"cposix\nsystem\n)\x81}b"), "neither a network nor a state_dict")
    for path, message in [(tmp_path / "none.pt", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(UserError, match=rf"{path.name}: cannot be read .{message}"):
            read(path)


def test_a_network_that_contains_itself(read_data):
    """Twice, too: n levels of that would be 2^n modules."""
    one = b"cm\nNet\n)\x81q\x01}(" + plain("_parameters") + b"}" + plain("w")
    one += tensor("k", 6, (6,)) + b"s" + plain("_buffers") + b"}" + plain("_modules")
    one += b"}(" + plain("a") + b"h\x01" + plain("b") + b"h\x01uub"
    # the strings above use the memo as well, from 0 on: the network has its number after them
    data = one.replace(b"q\x01}(", b"r\x00\x01\x00\x00}(").replace(b"h\x01", b"j\x00\x01\x00\x00")
    weights = read_data(zip_file(data, {"k": A}))
    assert list(weights.arrays) == ["w"]
    assert weights.text == "a whole network (m.Net), PyTorch 1.6 or later"


def test_modules_without_end(read_data):
    """What a few bytes name again: one dict of many tensors, and one long name inside another."""

    def module(parameters, inside):
        state = plain("_parameters") + parameters + plain("_buffers") + b"}" + plain("_modules")
        return b"cm\nNet\n)\x81}(" + state + b"}(" + inside + b"uub"

    many = b"".join(plain(f"{i}") + module(b"j\0\0\0\1", b"") for i in range(500))
    tensors = b"".join(plain(f"w{i}") + tensor("k", 6, (6,)) for i in range(500))
    data = zip_file(module(b"}(" + tensors + b"ur\0\0\0\1", many), {"k": A})
    refuses(read_data, data, "a network with more tensors than any has")
    deep = b""
    for _ in range(12):
        deep = plain("a" * 100) + module(b"}", deep)
    refuses(read_data, zip_file(module(b"}", deep), {"k": A}), "a module whose name has no end")


# -------------------------------------------------------------------------- files of PyTorch itself


def some_network(torch, dtype):
    nn = torch.nn
    inner = nn.Sequential(nn.Conv2d(3, 4, (3, 2)), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(OrderedDict(features=inner, fc=nn.Linear(4, 5))).to(dtype)


def agree(arrays, tensors):
    assert list(arrays) == list(tensors)
    for name, theirs in tensors.items():
        values = theirs.float() if str(theirs.dtype) == "torch.bfloat16" else theirs
        np.testing.assert_array_equal(arrays[name], values.numpy(), strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_what_pytorch_saves(dtype, saved, torch):
    net = some_network(torch, getattr(torch, dtype))
    agree(saved(net.state_dict()).arrays, net.state_dict())
    agree(saved({"epoch": 3, "state_dict": net.state_dict()}).arrays, net.state_dict())
    agree(saved(torch.nn.DataParallel(net).state_dict()).arrays, net.state_dict())


def test_whole_networks(saved, torch):
    net = some_network(torch, torch.float32)
    for whole in (net, {"model": net}, torch.nn.DataParallel(net)):
        weights = saved(whole)
        agree(weights.arrays, net.state_dict())
        kinds = [module.name.rpartition(".")[2] for module in weights.modules.values()]
        expected = ["Sequential", "Sequential", "Conv2d", "BatchNorm2d", "ReLU", "Linear"]
        assert kinds[-6:] == expected


def test_a_checkpoint_of_a_training(saved, torch):
    net = some_network(torch, torch.float32)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(2, 3, 6, 5)).sum().backward()
    optimizer.step()
    weights = saved({"model_state_dict": net.state_dict(), "optimizer": optimizer.state_dict()})
    agree(weights.arrays, net.state_dict())


def test_views_of_one_storage(saved, torch):
    whole = torch.arange(24.0).reshape(4, 6)
    views = {"a": whole[1:, ::2], "b": whole.T, "c": whole[3]}
    agree(saved(views).arrays, views)
