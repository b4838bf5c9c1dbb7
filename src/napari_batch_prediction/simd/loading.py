"""Machine code into this process, by llvmlite alone: numba, which made it, takes ten times as long to import.

llvmlite itself takes 20 ms, and is imported when something is to be predicted.
"""

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

Function = Callable[[int], int]
"""A loop as Python calls it: with the address of its words, without the interpreter lock; it returns
the number of its results, or -1 if it raised an error."""

_TYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)
_lock = threading.Lock()


@cache
def target() -> tuple[str, str, str]:
    """Return the name of the kind of this computer, its processor, and what that can do."""
    import llvmlite.binding as llvm

    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        features = ""
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


@cache
def _engine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


def load(code: bytes, symbol: str) -> tuple[Function, int]:
    """Return the function of this name in an object file, and its address. It stays as long as the process."""
    import llvmlite.binding as llvm

    with _lock:
        engine = _engine()
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        address: int = engine.get_function_address(symbol)
    return _TYPE(address), address
