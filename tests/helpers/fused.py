"""The fused functions of the package, with arguments for each, and what CuPy makes of them."""

import importlib
import pkgutil

import numpy as np

import tinydldl
from tinydldl import backend, optim
from tinydldl.layers import activation, norm, pool

SHAPE = (2, 3, 4, 5)
NOWHERE = 4096


def fused_cases(rng):
    """A dict from name to `(function, arguments)`: float32, and bool for what is no number."""

    def normal(shape=SHAPE):
        return rng.standard_normal(shape, dtype=np.float32)

    dx, dy, x, channel = normal(), normal(), normal(), [normal(SHAPE[-1:]) for _ in range(4)]
    y, free = np.maximum(x, normal()), rng.random(SHAPE) < 0.5  # y is x at about half of the places
    v, least = x * x, 0.1  # large enough to flush some
    cases = [
        (activation.where_positive, (dy, x)),
        (norm.normalize, (x, *channel)),
        (norm.scaled_residual, (dy, x, *channel[:3], 24)),
        (norm.squared_distance, (x, channel[0])),
        (pool.add_where_maximal, (dx, dy, x, y, free)),
        (backend.average_step, (x, y, 0.1, least)),
        (optim.sgd_step, (x, dx, dy, 0.1, 0.9, least)),
        (optim.adam_step, (x, dx, dy, v, 0.1, 0.1, 0.001, 1e-8, least)),
    ]
    return {function.__name__: (function, arguments) for function, arguments in cases}


def fused_in_package():
    """The names of all fused functions in the modules of the package."""
    code = backend.fused(lambda x: x).__code__
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(tinydldl.__path__, "tinydldl.")
        if not module.name.endswith("__main__")
    ]
    values = [value for module in modules for value in vars(module).values()]
    return {f.__name__ for f in values if getattr(f, "__code__", None) is code}


def compute(function, arguments, xp):
    """What a fused function returns, and its arrays after it, all as arrays of `xp`."""
    arguments = [xp.asarray(a.copy()) if isinstance(a, np.ndarray) else a for a in arguments]
    result = function(*arguments)
    results = result if isinstance(result, tuple) else () if result is None else (result,)
    return [*results, *(a for a in arguments if isinstance(a, xp.ndarray))]


def hollow(array, kind=None):
    """A cupy.ndarray, or `kind`, with shape and type of `array`, at an address where nothing is."""
    import cupy

    memory = cupy.cuda.UnownedMemory(NOWHERE, array.nbytes, None, 0)
    pointer = cupy.cuda.MemoryPointer(memory, 0)
    return (kind or cupy.ndarray)(array.shape, array.dtype, memptr=pointer)


def trace(function, arguments):
    """The kernel that CuPy makes of a fused function and these arguments, without a GPU.

    The arrays on the device have no values, but a method that CuPy calls instead of launching a
    kernel. Raises AssertionError if no single kernel of one value at a time comes out.
    """
    import cupy

    class Found(Exception):
        """Carries a kernel to where the function was called."""

    class Traced(cupy.ndarray):
        def __cupy_override_elementwise_kernel__(self, kernel, *args, **kwargs):
            raise Found(kernel)

    def stand_in(a):  # empty: where CuPy launches something after all, it has nothing to do
        return hollow(a[:0] if a.ndim > 1 else a, Traced) if isinstance(a, np.ndarray) else a

    try:
        function(*map(stand_in, arguments))
    except Found as found:
        return found.args[0]
    except Exception as error:
        raise AssertionError(f"{function.__name__}: CuPy made no kernel: {error}") from error
    raise AssertionError(f"{function.__name__}: CuPy made several kernels")


def source(kernel):
    """A kernel of CuPy's in CUDA, for one value of each argument."""
    arguments = kernel.in_params + kernel.out_params
    pointers = ", ".join(f"{arg.ctype} *at_{arg.name}" for arg in arguments)
    values = " ".join(f"{arg.ctype} &{arg.name} = *at_{arg.name};" for arg in arguments)
    body = f"{{\n{values}\n{kernel.operation}\n}}"
    return f'{kernel.preamble}\nextern "C" __global__ void {kernel.name}({pointers}) {body}\n'


def compiled(code, architecture="sm_90"):
    """The machine code of CUDA, by NVRTC. Raises NVRTCError, with the compiler's words."""
    from cupy._core import core
    from cupy.cuda import nvrtc

    program = nvrtc.createProgram(code, "kernel.cu", (), ())
    headers = core.assemble_cupy_compiler_options(())
    try:
        nvrtc.compileProgram(program, (*headers, f"-arch={architecture}"))
    except nvrtc.NVRTCError as error:
        error.add_note(nvrtc.getProgramLog(program))
        raise
    return nvrtc.getCUBIN(program)
