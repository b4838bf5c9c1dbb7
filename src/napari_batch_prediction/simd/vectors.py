"""Short vectors as values in compiled code: 16 float32, or 8 float64.

A core can work on several numbers at once: one instruction adds 16 float32 to 16 others. The 16 numbers are a vector,
and each of its places is a lane. ``load(array, i)`` is numpy's ``array[i : i + 16]``, ``store(array, i, v)``
is ``array[i : i + 16] = v``, ``splat(a)`` is ``np.full(16, a)``; ``+ - * /`` and the functions here work lane by lane,
as numpy does. There are no shorter vectors: a row is computed up to a multiple of 16, into space that is there for it.

numba's own loops over float32 arrays do not become such instructions when every offset is computed; with these types
they always do. LLVM maps them to the registers of the machine (SSE2, AVX2, AVX-512, NEON). Rounding is the same for
every lane, so a pixel gets the same value wherever it lies in a vector, and nothing is reordered or contracted except
in :func:`fma`, which is one rounding where the machine has the instruction.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from napari_batch_prediction.simd.lanes import DOUBLE_LANES, LANES

_F32 = ir.FloatType()
_F64 = ir.DoubleType()
_V32 = ir.VectorType(_F32, LANES)
_V64 = ir.VectorType(_F64, DOUBLE_LANES)
_V32_HALF = ir.VectorType(_F32, DOUBLE_LANES)


class Float32Vector(types.Type):
    """numba's type of 16 float32."""

    def __init__(self) -> None:
        super().__init__(name=f"Float32x{LANES}")


class Float64Vector(types.Type):
    """numba's type of 8 float64."""

    def __init__(self) -> None:
        super().__init__(name=f"Float64x{DOUBLE_LANES}")


float32_vector = Float32Vector()
float64_vector = Float64Vector()


@register_model(Float32Vector)
class _Float32Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _V32)


@register_model(Float64Vector)
class _Float64Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _V64)


def element(context: Any, builder: Any, signature: Any, args: Any, vector: Any) -> Any:
    """Return a pointer to the vector that begins at element ``args[1]`` of the array ``args[0]``, for LLVM."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), vector.as_pointer())


def repeat(builder: Any, value: Any, vector: Any) -> Any:
    """Return a vector that has the same value in every lane, for LLVM."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.VectorType(ir.IntType(32), vector.count)
    return builder.shuffle_vector(first, undefined, ir.Constant(lanes, [0] * vector.count))


def _call(builder: Any, name: str, vector: Any, args: Any) -> Any:
    suffix = f"v{vector.count}f{32 if vector.element == _F32 else 64}"
    function = builder.module.declare_intrinsic(
        f"llvm.{name}.{suffix}", (), ir.FunctionType(vector, [vector] * len(args))
    )
    return builder.call(function, args)


@intrinsic
def load(typingctx, array, offset):
    """Return ``array[offset : offset + 16]`` of a flat float32 array."""

    def codegen(context, builder, signature, args):
        value = builder.load(element(context, builder, signature, args, _V32))
        value.align = 4
        return value

    return float32_vector(array, types.int64), codegen


@intrinsic
def store(typingctx, array, offset, vector):
    """Set ``array[offset : offset + 16]`` of a flat float32 array."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], element(context, builder, signature, args, _V32)).align = 4
        return context.get_dummy_value()

    return types.void(array, types.int64, float32_vector), codegen


@intrinsic
def splat(typingctx, value):
    """Return a vector of 16 times the same float32."""

    def codegen(context, builder, signature, args):
        return repeat(builder, args[0], _V32)

    return float32_vector(types.float32), codegen


@intrinsic
def load_double(typingctx, array, offset):
    """Return ``array[offset : offset + 8]`` of a flat float32 array as float64."""

    def codegen(context, builder, signature, args):
        value = builder.load(element(context, builder, signature, args, _V32_HALF))
        value.align = 4
        return builder.fpext(value, _V64)

    return float64_vector(array, types.int64), codegen


@intrinsic
def store_double(typingctx, array, offset, vector):
    """Set ``array[offset : offset + 8]`` of a flat float32 array, rounding from float64."""

    def codegen(context, builder, signature, args):
        value = builder.fptrunc(args[2], _V32_HALF)
        builder.store(value, element(context, builder, signature, args, _V32_HALF)).align = 4
        return context.get_dummy_value()

    return types.void(array, types.int64, float64_vector), codegen


@intrinsic
def splat_double(typingctx, value):
    """Return a vector of 8 times the same float64."""

    def codegen(context, builder, signature, args):
        return repeat(builder, args[0], _V64)

    return float64_vector(types.float64), codegen


def _select(comparison: str) -> Any:
    @intrinsic
    def apply(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return builder.select(builder.fcmp_ordered(comparison, args[0], args[1]), args[0], args[1])

        return a(a, b), codegen

    return apply


def _mathematical(name: str, vector: Any) -> Any:
    @intrinsic
    def unary(typingctx, a):
        def codegen(context, builder, signature, args):
            return _call(builder, name, vector, args)

        return a(a), codegen

    @intrinsic
    def ternary(typingctx, a, b, c):
        def codegen(context, builder, signature, args):
            return _call(builder, name, vector, args)

        return a(a, b, c), codegen

    return ternary if name == "fmuladd" else unary


def polynomial_double(coefficients: Sequence[float]) -> Any:
    """Return a compiled function that evaluates a polynomial, lowest power first, on a float64 vector."""

    @intrinsic
    def evaluate(typingctx, a):
        def codegen(context, builder, signature, args):
            value = repeat(builder, ir.Constant(_F64, coefficients[-1]), _V64)
            for coefficient in reversed(coefficients[:-1]):
                constant = repeat(builder, ir.Constant(_F64, coefficient), _V64)
                value = _call(builder, "fmuladd", _V64, [value, args[0], constant])
            return value

        return float64_vector(float64_vector), codegen

    return evaluate


minimum = _select("<")
"""Return the smaller of two vectors lane by lane; the second where they cannot be compared."""

maximum = _select(">")
"""Return the larger of two vectors lane by lane; the second where they cannot be compared."""

fma = _mathematical("fmuladd", _V32)
"""Return ``a * b + c`` with one rounding where the machine can."""

fma_double = _mathematical("fmuladd", _V64)
"""Return ``a * b + c`` with one rounding where the machine can."""

sqrt = _mathematical("sqrt", _V32)
sqrt_double = _mathematical("sqrt", _V64)


def _define(operation: Callable, instruction: str) -> None:
    """Give vectors an operator, lane by lane."""

    # Not by numba's ``overload``, which would compile a function for each operator.
    @type_callable(operation)
    def type_of(context):
        def result(a, b):
            return a if isinstance(a, Float32Vector | Float64Vector) and a == b else None

        return result

    for kind in (Float32Vector, Float64Vector):

        @lower_builtin(operation, kind, kind)
        def implementation(context, builder, signature, args):
            return getattr(builder, instruction)(*args)


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
_define(operator.truediv, "fdiv")
