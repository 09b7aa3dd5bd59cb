"""Plain values come out of a pickle, nothing of it runs, and what is refused is named."""

import io
import os
import pickle
import sys

import numpy as np
import pytest
from unpickle import MOST_WORK, Shell, load

from tinydldl.errors import UserError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def loads(data, allowed=(), **kwargs):
    return load(io.BytesIO(data), dict(allowed), **kwargs)


def run_if_unpickled(function, *arguments):
    """An object whose pickle calls a function."""
    kind = type("Bad", (), {"__reduce__": lambda self: (function, arguments)})
    return kind()


# ------------------------------------------------------------------------------------- plain values


@every_protocol
def test_plain_values(protocol):
    value = {
        "none": [None, True, False],
        "numbers": [0, 1, -1, 255, 256, 65536, -(2**31), 2**31, 2**70, -(2**2100), 0.1, -1e300],
        "texts": ["", "a", "\u00e9\u4e2d\n", "long " * 100],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), [()])],
        "dicts": {"a": {}, 1: {"b": [{}, []]}, "c": {str(i): i for i in range(2000)}},
    }
    if protocol >= 3:  # before that, bytes are a call
        value["bytes"] = [b"", b"abc", bytes(range(256)) * 4]
    found = loads(pickle.dumps(value, protocol))
    assert found == value
    assert repr(found) == repr(value)  # types too: True is not 1


@every_protocol
def test_what_is_one_object_stays_one(protocol):
    inner = [1]
    found = loads(pickle.dumps([inner, (inner,), inner], protocol))
    assert found[0] is found[2] is found[1][0]
    inner.append(inner)
    found = loads(pickle.dumps(inner, protocol))
    assert found[1] is found


def test_texts_of_python_2():
    assert loads(b"\x80\x02U\x03abcq\x00.") == "abc"
    assert loads(b"S'abc'\np0\n.") == "abc"


def test_pickles_in_a_row():
    file = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("two", 4) + b"rest")
    assert [load(file, {}), load(file, {}), file.read()] == [[1], "two", b"rest"]


# ----------------------------------------------------------------------- nothing of the file is run


@every_protocol
@pytest.mark.parametrize("wrap", [lambda bad: bad, lambda bad: {"a": [(1, bad)]}])
def test_a_call_is_refused_by_name_and_not_made(protocol, wrap, tmp_path):
    target = tmp_path / "made"
    bad = {
        f"{os.mkdir.__module__}.mkdir": run_if_unpickled(os.mkdir, str(target)),
        f"{os.system.__module__}.system": run_if_unpickled(os.system, f"mkdir {target}"),
        "eval": run_if_unpickled(eval, f"__import__('os').mkdir({str(target)!r})"),
        "exec": run_if_unpickled(exec, f"import os; os.mkdir({str(target)!r})"),
    }
    for name, value in bad.items():
        with pytest.raises(UserError, match=rf"{name} is refused") as error:
            loads(pickle.dumps(wrap(value), protocol))
        assert "\n" not in str(error.value)
    assert not target.exists()
    pickle.loads(pickle.dumps(bad[f"{os.mkdir.__module__}.mkdir"], protocol))
    assert target.exists()  # so the pickles would have done it


@pytest.mark.parametrize(
    "data",
    [
        b"(S'x'\niposix\nsystem\n.",  # INST
        b"(cposix\nsystem\nS'x'\no.",  # OBJ
        b"\x80\x04cposix\nsystem\n)}\x92.",  # NEWOBJ_EX
        b"\x80\x02\x82\x01.",  # EXT1: a number that stands for a function
        b"cposix\nsystem\n(S'x'\nt\x81.",  # NEWOBJ with arguments
        b"cposix\nsystem\n(S'x'\nlR.",  # a list of arguments
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.",  # STACK_GLOBAL
        b"Pposix.system\n.",  # PERSID
    ],
)
def test_other_ways_to_call_are_refused(data):
    with pytest.raises(UserError, match=r"refused|called as if"):
        loads(data)


def test_what_a_file_names_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "trap_in_a_pickle.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"trap_in_a_pickle\.Anything is refused"):
        loads(b"ctrap_in_a_pickle\nAnything\n)R.")
    assert loads(b"ctrap_in_a_pickle\nAnything\n)\x81.").state is None
    assert "trap_in_a_pickle" not in sys.modules


def test_names_that_are_no_names():
    """They would end up on the screen: with escape codes, or with several lines."""
    for bad in (b"\x8c\x04a\x1b[m", b"\x8c\x03a\nb", b"K\x01", b"]"):
        with pytest.raises(UserError, match="named by something that is no name"):
            loads(b"\x80\x04\x8c\x01a" + bad + b"\x93.")


MUCH = "a pickle that takes more work than any network's"
LONG = b"(" + 1000 * b"N" + b"t\x94"  # a tuple that is named again and again
MANY = {
    "instructions": (2 * MOST_WORK * b"N", MUCH),
    "long arguments": (LONG + b"cm\nmake\n\x94" + 1000 * b"h\x01h\x00R", MUCH),
    "a long list as an argument": (LONG + b"\x85\x94cm\nmake\n\x94" + 1000 * b"h\x02h\x01R", MUCH),
    "long identities": (LONG + 1000 * b"h\x00Q", MUCH),
    "a long number": (b"\x8b\x01\x10\0\0" + 4096 * b"\0" + b"\1", "whole number of more than"),
    "a long name": (b"c" + 200 * b"m" + b"\nmake\n", "named by something that is no name"),
}


@pytest.mark.parametrize(("data", "words"), MANY.values(), ids=MANY)
def test_a_file_that_asks_for_much_work(data, words):
    """A few bytes may name a long thing again, and each time it would be gone through."""
    allowed = {("m", "make"): lambda *arguments: None}
    with pytest.raises(UserError, match=words):
        loads(b"\x80\x04" + data + b".", allowed, persistent=lambda identity: None)


# -------------------------------------------------------------- functions that stand for the file's


def test_an_allowed_function_is_called_with_what_the_file_says():
    calls = []
    allowed = {("some.module", "make"): lambda *arguments: calls.append(arguments) or "made"}
    data = b"csome.module\nmake\n(K\x01]tR."
    assert loads(data, allowed) == "made"
    assert calls == [(1, [])]


def test_an_allowed_function_that_cannot_use_its_arguments():
    allowed = {("m", "make"): lambda number: number + 1}
    for arguments in (b")", b"(K\x01K\x02t", b"(Nt"):
        with pytest.raises(UserError, match=r"not a pickle that can be read \(TypeError"):
            loads(b"cm\nmake\n" + arguments + b"R.", allowed)


def test_allowed_functions_are_not_changed():
    """Python's own machine would set attributes of the function, its defaults for one."""

    def make(number=1):
        return number

    for state in (b"}", b"(N}U\x0c__defaults__K\x02\x85st"):
        with pytest.raises(UserError, match=r"m\.make is given a state"):
            loads(b"\x80\x02cm\nmake\n" + state + b"b.", {("m", "make"): make})
    for fill in (b"K\x01a", b"(K\x01e", b"U\x01aK\x01s", b"(U\x01aK\x01u"):
        with pytest.raises(UserError, match=r"m\.make is filled"):
            loads(b"\x80\x02cm\nmake\n" + fill + b".", {("m", "make"): make})
    assert make() == 1


@pytest.mark.parametrize("value", [1, "a", [1], {"a": 1}, (1,), None])
def test_plain_values_have_no_state(value):
    data = pickle.dumps(value, 2)[:-1] + b"}b."
    with pytest.raises(UserError, match=f"a {type(value).__name__} is given a state"):
        loads(data)


class Loud:
    """A class of the file's, that would do something while it is read."""

    def __init__(self):
        self.x = [1, 2]

    def __setstate__(self, state):
        raise SystemExit("run")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_shell_has_the_state_and_runs_nothing(protocol):
    data = pickle.dumps(Loud(), protocol)
    with pytest.raises(SystemExit):
        pickle.loads(data)
    shell = loads(data)
    assert type(shell) is Shell
    assert shell.name == f"{Loud.__module__}.Loud"
    assert shell.state == {"x": [1, 2]}


def test_objects_that_are_kept_outside():
    data = b"\x80\x02U\x03keyQ."
    assert loads(data, persistent=lambda key: [key]) == ["key"]
    with pytest.raises(UserError, match="the instruction BINPERSID is refused"):
        loads(data)


# ------------------------------------------------------------------------------------ damaged files


def test_every_truncation_is_an_error():
    data = pickle.dumps({"a": [1, 2.5, (3, "four")], "b": {"c": [None] * 3}}, 2)
    for length in range(len(data)):
        with pytest.raises(UserError, match="not a pickle that can be read") as error:
            loads(data[:length])
        assert "\n" not in str(error.value)


def test_damage_is_an_error_or_a_value_but_nothing_else(rng):
    data = np.frombuffer(pickle.dumps([{"a": (1, 2)}, "b", [1.5, 2**40]], 4), "u1")
    errors = 0
    for _ in range(2000):
        damaged = data.copy()
        damaged[rng.integers(len(data), size=2)] = rng.integers(256, size=2)
        try:
            loads(damaged.tobytes())
        except UserError:
            errors += 1
    assert 500 < errors < 2000


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x05\x96" + b"\xff" * 7 + b"\x0f.",  # BYTEARRAY8 of 2^60 bytes
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0f.",  # BINBYTES8
        b"\x80\x04\x8d" + b"\xff" * 7 + b"\x0f.",  # BINUNICODE8
        b"\x80\x02T\xff\xff\xff\x7f.",  # BINSTRING
        b"\x80\x02\x8b\xff\xff\xff\x7f.",  # LONG4
        b"L" + b"9" * 5000 + b"L\n.",  # a number of as many digits
        b"\x80\x05\x97.",  # NEXT_BUFFER
        b"\x80\x02.",  # an empty stack
        b"\x80\x02h\x00.",  # a memo that is empty
        b"\x80\x02t.",  # no mark
        b"\x80\x02(K\x01K\x02e.",  # items for no list
        b"\x80\x02}(U\x01au.",  # a key without a value
        b"",
        b"hello",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_crafted_files(data):
    with pytest.raises(UserError, match=r"not a pickle|refused"):
        loads(data)


def test_a_large_number_in_the_memo_takes_no_memory():
    assert loads(b"\x80\x02K\x01r\xff\xff\xff\x7fj\xff\xff\xff\x7f.") == 1


def test_a_key_that_would_take_forever_to_hash():
    doubled = b"\x80\x02})" + b"q\x00h\x00\x86" * 200  # x = (x, x), 200 times
    with pytest.raises(UserError, match="a key that is neither text nor a whole number"):
        loads(doubled + b"K\x01s.")


def test_depth_is_no_problem():
    found = loads(b"\x80\x02)" + b"\x85" * 100_000 + b".")
    depth = 0
    while found:
        (found,) = found
        depth += 1
    assert depth == 100_000
