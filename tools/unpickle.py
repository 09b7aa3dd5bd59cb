"""The object in a pickle, read without running anything of it.

A pickle is a program for a small stack machine, and Python's own calls whatever function a file
names. This one knows the instructions that build plain values: None, numbers, strings, bytes,
tuples, lists and dicts. What a file names is never imported, only looked up among the stand-ins
that the caller allows. An object of another class becomes a `Shell`, another call is refused.

There is no protection from a file that needs some hundred times its own size in memory.
"""

from collections.abc import Callable
from pickletools import genops
from typing import IO, Any

from tinydldl.errors import UserError

# The instructions that push the value that follows them in the file.
VALUES = {
    *("NONE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
Allowed = dict[tuple[str, str], Any]  # functions, by module and name
Persistent = Callable[[Any], Any] | None
MOST_WORK = 200_000  # instructions, and items passed to them: enough for about 8000 tensors
MOST_BITS = 2**15  # of a whole number


class Global:
    """A function or class that a file names, such as `posix.system`; `make`: our stand-in."""

    def __init__(self, name: str, make: Callable[..., Any] | None = None) -> None:
        self.name, self.make = name, make


class Shell:
    """An object of an unknown class: the name of the class and the state, no code."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: Any = None

    def build(self, state: Any) -> None:
        """Take the state that a file gives the object."""
        self.state = state


def load(file: IO, allowed: Allowed, persistent: Persistent = None) -> Any:
    """The object in the pickle at the position of `file`, which moves to its end.

    `allowed`: {(module, name): function}, our stand-ins for the functions and classes that the file
    may call. A stand-in checks its arguments, since the file may pass anything. If it makes an
    object with a method `build(state)`, the file may give that a state. `persistent`: a stand-in
    for objects that a file marks as kept outside. `file` is in memory, such as `io.BytesIO`:
    lengths in the file may be wrong.

    Raises UserError, which names what is refused.
    """
    try:
        return Machine(file, allowed, persistent).run()
    except UserError:
        raise
    except Exception as error:  # a damaged file can go wrong anywhere
        raise UserError(f"not a pickle that can be read ({error!r})") from None


class Machine:
    """The stack machine. `below`: the stacks below each mark; `memo`: objects for later."""

    def __init__(self, file: IO, allowed: Allowed, persistent: Persistent) -> None:
        self.file, self.allowed, self.persistent = file, allowed, persistent
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.work = MOST_WORK

    def run(self) -> Any:
        for opcode, argument, _ in genops(self.file):
            if opcode.name == "STOP":
                return self.stack.pop()
            self.pay(1)
            self.step(opcode.name, argument)

    def pay(self, work: int) -> None:
        """Raise UserError after `MOST_WORK`: a short file may repeat things very often."""
        self.work -= work
        if self.work < 0:
            raise UserError("a pickle that takes more work than any network's")

    def step(self, name: str, argument: Any) -> None:
        """Run one instruction; `pickletools` documents them all."""
        stack, pop = self.stack, self.stack.pop
        match name:
            case "PROTO" | "FRAME":
                pass
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case _ if name in VALUES:
                if isinstance(argument, int) and argument.bit_length() > MOST_BITS:
                    raise UserError(f"a whole number of more than {MOST_BITS} bits")
                stack.append(argument)
            case "MARK":
                self.below.append(stack)
                self.stack = []
            case "EMPTY_TUPLE" | "EMPTY_LIST" | "EMPTY_DICT":
                stack.append({"EMPTY_TUPLE": (), "EMPTY_LIST": [], "EMPTY_DICT": {}}[name])
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(reversed([pop() for _ in range(int(name[-1]))])))
            case "TUPLE" | "LIST":
                items = self.since_mark()
                self.stack.append(tuple(items) if name == "TUPLE" else items)
            case "APPEND" | "APPENDS":
                items = [pop()] if name == "APPEND" else self.since_mark()
                self.top(list).extend(items)
            case "DICT":
                items = self.since_mark()
                self.stack.append({})
                self.set_items(items)
            case "SETITEM":
                value, key = pop(), pop()
                self.set_items([key, value])
            case "SETITEMS":
                self.set_items(self.since_mark())
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "GLOBAL":
                self.name_global(*argument.split(" ", 1))
            case "STACK_GLOBAL":
                attribute, module = pop(), pop()
                self.name_global(module, attribute)
            case "REDUCE" | "NEWOBJ":
                arguments, function = pop(), pop()
                stack.append(self.call(function, arguments, new=name == "NEWOBJ"))
            case "BUILD":
                state, built = pop(), stack[-1]
                if not hasattr(built, "build"):
                    raise UserError(f"{text(built)} is given a state, and it can have none")
                built.build(state)
            case "BINPERSID" if self.persistent:
                self.pay(items_in(identity := pop()))
                stack.append(self.persistent(identity))
            case _:
                what = name if argument is None else f"{name} ({argument!r})"
                raise UserError(f"the instruction {what} is refused")

    def top(self, kind: type) -> Any:
        """The object on top of the stack, to be filled."""
        if not isinstance(self.stack[-1], kind):
            raise UserError(f"{text(self.stack[-1])} is filled as if it were a {kind.__name__}")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Pop what was pushed since the last mark, and the mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def set_items(self, items: list[Any]) -> None:
        """Put key, value, key, value, ... into the dict on top of the stack."""
        keys = items[::2]
        if not all(isinstance(key, str | int) for key in keys):  # hashing a tuple may take forever
            raise UserError("a dict has a key that is neither text nor a whole number")
        self.top(dict).update(zip(keys, items[1::2], strict=True))

    def name_global(self, module: str, attribute: str) -> None:
        parts = (module, attribute)
        if not all(isinstance(p, str) and len(p) < 200 and p.isprintable() for p in parts):
            raise UserError("a function or class is named by something that is no name")
        self.stack.append(Global(f"{module}.{attribute}", self.allowed.get(parts)))

    def call(self, function: Any, arguments: Any, new: bool) -> Any:
        """The stand-in for `function(*arguments)`, or with `new` for an object of a class."""
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise UserError(f"{text(function)} is called as if it were a function")
        self.pay(items_in(arguments) + sum(map(items_in, arguments)))
        if function.make:
            return function.make(*arguments)
        if new and not arguments:
            return Shell(function.name)
        raise UserError(f"{function.name} is refused: the file asks for a call of it")


def items_in(value: Any) -> int:
    """How many items a tuple, list or dict holds; 0 for anything else."""
    return len(value) if isinstance(value, tuple | list | dict) else 0


def text(value: Any) -> str:
    """A value for a message, without its content, which may be large."""
    return value.name if isinstance(value, Global | Shell) else f"a {type(value).__name__}"
