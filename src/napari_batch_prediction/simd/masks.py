"""64 pixels as vectors and as bits of a mask, in compiled code.

A mask is a 64-bit number: bit i says something of pixel i, such as that it has reached a node of a tree. Sets of pixels
are intersected, united and inverted by ``&``, ``|`` and ``~``, one instruction for all of them.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from napari_batch_prediction.simd.lanes import DOUBLE_LANES, PATCH
from napari_batch_prediction.simd.vectors import element, float64_vector, repeat

_BIT, _BYTE, _INT16, _INT32, _INT64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_PIXELS = ir.VectorType(ir.FloatType(), PATCH)
_COUNTS = ir.VectorType(_INT16, PATCH)
_SUMS = ir.VectorType(ir.DoubleType(), DOUBLE_LANES)


def _load(context: Any, builder: Any, signature: Any, args: Any, vector: Any, align: int) -> Any:
    value = builder.load(element(context, builder, signature, args, vector))
    value.align = align
    return value


@intrinsic
def not_less(typingctx, array, offset, threshold):
    """Return a mask: bit i is set unless ``array[offset + i]`` is less than the float32 with these bits."""

    def codegen(context, builder, signature, args):
        pixels = _load(context, builder, signature, args, _PIXELS, 4)
        limit = repeat(builder, builder.bitcast(args[2], ir.FloatType()), _PIXELS)
        # Unordered: NaN is not less than anything and goes right.
        return builder.bitcast(builder.fcmp_unordered(">=", pixels, limit), _INT64)

    return types.uint64(array, types.uint64, types.uint32), codegen


@intrinsic
def is_nan(typingctx, array, offset):
    """Return a mask: bit i is set if ``array[offset + i]`` is NaN."""

    def codegen(context, builder, signature, args):
        pixels = _load(context, builder, signature, args, _PIXELS, 4)
        return builder.bitcast(builder.fcmp_unordered("uno", pixels, pixels), _INT64)

    return types.uint64(array, types.uint64), codegen


@intrinsic
def lowest_bit(typingctx, mask):
    """Return the number of the lowest bit of a mask that is set; 64 for a mask of none."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(_BIT, 0))

    return types.uint64(types.uint64), codegen


@intrinsic
def next_float(typingctx, value):
    """Return the smallest float32 that is greater than a finite one."""

    def codegen(context, builder, signature, args):
        zero, one = ir.Constant(ir.FloatType(), 0.0), ir.Constant(_INT32, 1)
        bits = builder.bitcast(args[0], _INT32)
        is_positive = builder.fcmp_ordered(">", args[0], zero)
        other = builder.select(is_positive, builder.add(bits, one), builder.sub(bits, one))
        bits = builder.select(builder.fcmp_ordered("==", args[0], zero), one, other)
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32), codegen


@intrinsic
def add_where(typingctx, array, offset, mask, value):
    """Add a uint16 to those of ``array[offset : offset + 64]`` whose bit of the mask is set."""

    def codegen(context, builder, signature, args):
        pointer = element(context, builder, signature, args, _COUNTS)
        bits = builder.bitcast(args[2], ir.VectorType(_BIT, PATCH))
        more = builder.select(bits, repeat(builder, args[3], _COUNTS), ir.Constant(_COUNTS, [0] * PATCH))
        counts = builder.load(pointer)
        counts.align = 2
        builder.store(builder.add(counts, more), pointer).align = 2
        return context.get_dummy_value()

    return types.void(array, types.uint64, types.uint64, types.uint16), codegen


@intrinsic
def prefetch(typingctx, array, offset):
    """Ask for the cache line of ``array[offset]``."""

    def codegen(context, builder, signature, args):
        pointer = element(context, builder, signature, args, _BYTE)
        kinds = [pointer.type] + [_INT32] * 3
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [pointer.type], ir.FunctionType(ir.VoidType(), kinds)
        )
        read, keep, data = (ir.Constant(_INT32, value) for value in (0, 3, 1))
        builder.call(function, [pointer, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.uint64), codegen


@intrinsic
def add_value(typingctx, sums, mask, shift, value):
    """Add a float64 to those of 8 sums whose bit of the mask, shifted right, is set."""

    def codegen(context, builder, signature, args):
        byte = builder.trunc(builder.lshr(args[1], args[2]), _BYTE)
        bits = builder.bitcast(byte, ir.VectorType(_BIT, DOUBLE_LANES))
        return builder.select(bits, builder.fadd(args[0], repeat(builder, args[3], _SUMS)), args[0])

    return sums(sums, types.uint64, types.uint64, types.float64), codegen


@intrinsic
def load_sums(typingctx, array, offset):
    """Return ``array[offset : offset + 8]`` of a flat float64 array."""

    def codegen(context, builder, signature, args):
        return _load(context, builder, signature, args, _SUMS, 8)

    return float64_vector(array, types.uint64), codegen


@intrinsic
def store_sums(typingctx, array, offset, sums):
    """Set ``array[offset : offset + 8]`` of a flat float64 array."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], element(context, builder, signature, args, _SUMS)).align = 8
        return context.get_dummy_value()

    return types.void(array, types.uint64, float64_vector), codegen
