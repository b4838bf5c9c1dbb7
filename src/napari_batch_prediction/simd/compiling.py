"""Compiling loops by numba, mostly in a process of its own: see :func:`main`.

numba optimises each function alone, makes machine code of it, and does so again with every function that calls it, and
those that call that. In a process of its own only the loop itself is optimised, once, with all that it calls in one
module, which takes a third of the time. The machine code has one function that anybody can call: it takes the words
of the arguments (:mod:`.signature`).
"""

import ctypes
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from napari_batch_prediction.simd import calls, shelf  # noqa: F401  What loops may call is registered there.
from napari_batch_prediction.simd.memory import memory
from napari_batch_prediction.simd.shelf import Job
from napari_batch_prediction.simd.signature import RESULTS, Type

_WORD = ir.IntType(64)
_STATUS = ir.IntType(32)

# In names of functions of this package.
_OWN = "napari_batch_prediction"


class OtherSourcesError(RuntimeError):
    """The sources of loops are not those that this process was started with."""


class _Part(codegen.JITCodeLibrary):
    """A function that is optimised with the loop that it is a part of, and not before."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is no machine code."""
        return 0


def optimise_loops_only() -> None:
    """Let numba do nothing in this process but compile loops."""
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    maker = cpu_target.target_context.codegen()
    maker._library_class = _Part
    maker.set_env = lambda name, env: None
    # Python calls no function but the loops.
    context = cpu_target.target_context
    context.create_cpython_wrapper = context.create_cfunc_wrapper = lambda *args, **options: None


def _type(kind: Type) -> types.Type:
    """Return numba's type of an argument."""
    if isinstance(kind, tuple):
        members = [_type(member) for member in kind[1:]]
        if not kind[0]:
            return types.BaseTuple.from_types(members)
        module, _, name = kind[0].partition(":")
        return types.BaseTuple.from_types(members, getattr(importlib.import_module(module), name))
    name, _, layout = kind.partition("[")
    if layout:
        return types.Array(from_dtype(np.dtype(name)), int(layout[:-2]), layout[-2])
    return types.none if name == "none" else from_dtype(np.dtype(name))


class _Words:
    """The words of the arguments, as compiled code reads them one after the other."""

    def __init__(self, context: Any, builder: Any, pointer: Any) -> None:
        self._context, self._builder, self._pointer = context, builder, pointer
        self._position = RESULTS

    def _next(self) -> Any:
        place = self._builder.gep(self._pointer, [ir.Constant(_WORD, self._position)])
        self._position += 1
        return self._builder.load(place)

    def value(self, kind: types.Type) -> Any:
        """Return the next argument, which is of this type."""
        context, builder = self._context, self._builder
        if isinstance(kind, types.BaseTuple):
            return context.make_tuple(builder, kind, [self.value(member) for member in kind])
        if isinstance(kind, types.Array):
            return self._array(kind)
        if kind is types.none:
            return context.get_dummy_value()
        word = self._next()
        if isinstance(kind, types.Float):
            return builder.bitcast(word, ir.DoubleType())
        return builder.trunc(word, ir.IntType(1)) if kind is types.boolean else word

    def _array(self, kind: types.Array) -> Any:
        array = make_array(kind)(self._context, self._builder)
        data = self._builder.inttoptr(self._next(), array.data.type)
        shape = [self._next() for _ in range(kind.ndim)]
        strides = [self._next() for _ in range(kind.ndim)]
        size = self._context.get_abi_sizeof(self._context.get_data_type(kind.dtype))
        populate_array(array, data, shape, strides, ir.Constant(_WORD, size), None)
        return array._getvalue()


def _entry(context: Any, loop: Any, symbol: str) -> Any:
    """Return a module with the function that reads the words and calls the loop."""
    module = context.create_module(symbol)
    function = ir.Function(module, ir.FunctionType(_STATUS, [_WORD.as_pointer()]), symbol)
    builder = ir.IRBuilder(function.append_basic_block())
    kinds, result = loop.fndesc.argtypes, loop.fndesc.restype
    callee = ir.Function(module, context.call_conv.get_function_type(result, kinds), loop.fndesc.llvm_func_name)
    words = _Words(context, builder, function.args[0])
    args = [words.value(kind) for kind in kinds]
    status, value = context.call_conv.call_function(builder, callee, result, kinds, args)
    results = _results(context, builder, result, value)
    for i, number in enumerate(results):
        builder.store(number, builder.gep(function.args[0], [ir.Constant(_WORD, i)]))
    builder.ret(builder.select(status.is_error, ir.Constant(_STATUS, -1), ir.Constant(_STATUS, len(results))))
    return module


def _results(context: Any, builder: Any, kind: types.Type, value: Any) -> list[Any]:
    """Return the result of a loop as words."""
    if kind is types.none:
        return []
    kinds, values = (
        (list(kind), cgutils.unpack_tuple(builder, value))
        if isinstance(kind, types.BaseTuple)
        else (
            [kind],
            [value],
        )
    )
    if len(kinds) > RESULTS or not all(isinstance(member, types.Integer) for member in kinds):
        raise TypeError(f"A compiled loop returns nothing or up to {RESULTS} whole numbers, not {kind}.")
    return [context.cast(builder, one, member, types.int64) for one, member in zip(values, kinds, strict=True)]


def _parts(library: Any, seen: list[Any]) -> Iterator[Any]:
    """Iterate over the modules of a loop and all that it calls."""
    seen.append(library)
    if not isinstance(library, _Part):
        yield library._get_module_for_linking()
        return
    yield library._final_module.clone()
    for part in library._linking_libraries:
        if part not in seen:
            yield from _parts(part, seen)


def _is_everywhere(name: str) -> bool:
    """Return whether a function is LLVM's, or one of the C library, which every process of Python has loaded."""
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    return name.startswith("llvm.") or hasattr(library, name)


def _functions(module: Any, symbol: str) -> list[Any]:
    """Return the functions that a loop is made of, but the one that anybody can call."""
    return [function for function in module.functions if not function.is_declaration and function.name != symbol]


@global_compiler_lock
def compiled(job: Job) -> bytes:
    """Return the machine code of a loop, an object file.

    Raises
    ------
    OtherSourcesError
        If sources have changed since this process was started.
    """
    if shelf.read_stamp() != shelf.stamp():
        raise OtherSourcesError(
            "The files of this program have changed since it was started. Start it again, so that all parts are of "
            "one version."
        )
    kernel = getattr(importlib.import_module(job.module), job.name)
    flags = compiler.Flags()
    options = {**kernel.options, "nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    cpu_target.options.parse_as_flags(flags, options)
    context = cpu_target.target_context
    kinds = tuple(map(_type, job.signature))
    loop = compiler.compile_extra(cpu_target.typing_context, context, kernel.function, kinds, None, flags, {})
    library = codegen.JITCodeLibrary(context.codegen(), job.symbol)
    library.add_ir_module(_entry(context, loop, job.symbol))
    module = library._final_module
    for part in _parts(loop.library, []):
        module.link_in(part, preserve=True)
    module.link_in(memory())
    for part in _functions(module, job.symbol):
        part.linkage = "linkonce_odr"
        if kernel.strict and _OWN in part.name and b"alwaysinline" not in b" ".join(part.attributes):
            # Where LLVM would inline a loop within the loop, there are too few registers for both.
            part.add_function_attribute("noinline")
    library._optimize_final_module()
    # Names of parts are unique in this process, and not where loops of several are loaded.
    for part in (*_functions(module, job.symbol), *module.global_variables):
        part.linkage = "internal"
    missing = [f.name for f in module.functions if f.is_declaration and not _is_everywhere(f.name)]
    missing += [value.name for value in module.global_variables if value.name.startswith("numba.dynamic.globals")]
    if missing:
        raise TypeError(f"The loop {job.name} calls what only numba has: {', '.join(missing)}.")
    code: bytes = context.codegen()._tm.emit_object(module)
    return code


def main() -> None:
    """Compile the loops that are named line by line, and say after each that it is kept, or why not."""
    out, sys.stdout = sys.stdout, sys.stderr
    optimise_loops_only()
    for line in sys.stdin:
        stamp, module, name, signature = json.loads(line)
        job = Job(module, name, _tuples(signature))
        try:
            if stamp == shelf.stamp() and shelf.find(job) is None:
                shelf.keep(job, compiled(job))
            answer = ""
        except Exception as error:  # Whoever asked tries by itself, and has the error then.
            answer = str(error)
        print(json.dumps(answer), file=out, flush=True)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
