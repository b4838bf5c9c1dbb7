"""64 pixels as vectors and as bits of a mask, in compiled code."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from napari_batch_prediction.forest.packed import PATCH
from napari_batch_prediction.simd.vectors import DOUBLE_LANES, float64_vector


@intrinsic
def not_less(typingctx, array, offset, threshold):
    """Return a mask: bit i is set unless ``array[offset + i]`` is less than the float32 with these bits."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.FloatType(), PATCH)
        pixels = builder.load(builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer()))
        pixels.align = 4
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(
            undefined, builder.bitcast(args[2], ir.FloatType()), ir.Constant(ir.IntType(32), 0)
        )
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), PATCH), [0] * PATCH)
        limit = builder.shuffle_vector(one, undefined, lanes)
        # Unordered: NaN is not less than anything and goes right.
        return builder.bitcast(builder.fcmp_unordered(">=", pixels, limit), ir.IntType(64))

    return types.uint64(array, types.uint64, types.uint32), codegen


@intrinsic
def is_nan(typingctx, array, offset):
    """Return a mask: bit i is set if ``array[offset + i]`` is NaN."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.FloatType(), PATCH)
        pixels = builder.load(builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer()))
        pixels.align = 4
        return builder.bitcast(builder.fcmp_unordered("uno", pixels, pixels), ir.IntType(64))

    return types.uint64(array, types.uint64), codegen


@intrinsic
def add_where(typingctx, array, offset, mask, value):
    """Add a uint16 to those of ``array[offset : offset + 64]`` whose bit of the mask is set."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.IntType(16), PATCH)
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer())
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(undefined, args[3], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), PATCH), [0] * PATCH)
        chosen = builder.bitcast(args[2], ir.VectorType(ir.IntType(1), PATCH))
        zeros = ir.Constant(vector, [0] * PATCH)
        part = builder.select(chosen, builder.shuffle_vector(one, undefined, lanes), zeros)
        old = builder.load(place)
        old.align = 2
        builder.store(builder.add(old, part), place).align = 2
        return context.get_dummy_value()

    return types.void(array, types.uint64, types.uint64, types.uint16), codegen


@intrinsic
def prefetch(typingctx, array, offset):
    """Ask for the cache line of ``array[offset]``."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        byte = ir.IntType(8).as_pointer()
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), byte)
        kinds = [byte] + [ir.IntType(32)] * 3
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), kinds))
        read, keep, data = (ir.Constant(ir.IntType(32), value) for value in (0, 3, 1))
        builder.call(function, [place, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.uint64), codegen


@intrinsic
def add_value(typingctx, sums, mask, shift, value):
    """Add a float64 to those of 8 sums whose bit of the mask, shifted right, is set."""

    def codegen(context, builder, signature, args):
        vector = args[0].type
        byte = builder.trunc(builder.lshr(args[1], args[2]), ir.IntType(8))
        chosen = builder.bitcast(byte, ir.VectorType(ir.IntType(1), DOUBLE_LANES))
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(undefined, args[3], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), DOUBLE_LANES), [0] * DOUBLE_LANES)
        more = builder.fadd(args[0], builder.shuffle_vector(one, undefined, lanes))
        return builder.select(chosen, more, args[0])

    return sums(sums, types.uint64, types.uint64, types.float64), codegen


@intrinsic
def load_sums(typingctx, array, offset):
    """Return ``array[offset : offset + 8]`` of a flat float64 array."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.DoubleType(), DOUBLE_LANES)
        value = builder.load(builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer()))
        value.align = 8
        return value

    return float64_vector(array, types.uint64), codegen


@intrinsic
def store_sums(typingctx, array, offset, sums):
    """Set ``array[offset : offset + 8]`` of a flat float64 array."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), args[2].type.as_pointer())
        builder.store(args[2], place).align = 8
        return context.get_dummy_value()

    return types.void(array, types.uint64, float64_vector), codegen
