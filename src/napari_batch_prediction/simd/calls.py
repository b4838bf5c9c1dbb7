"""Kernels called by compiled code."""

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, typeof_impl

from napari_batch_prediction.simd.kernel import Kernel


@typeof_impl.register(Kernel)
def _type_of_kernel(kernel, context):
    """Let compiled code call the function of a kernel like any other."""
    if kernel.part is None:
        kernel.part = njit(**kernel.options)(kernel.function)
    return types.Dispatcher(kernel.part)


@intrinsic
def call(typingctx, function, words):
    """Call the kernel of a :class:`~.kernel.Call`; return 0 if it has no result, -1 if it raised an error."""

    def codegen(context, builder, signature, args):
        word = ir.IntType(64).as_pointer()
        kind = ir.FunctionType(ir.IntType(32), [word])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [builder.inttoptr(args[1], word)])

    return types.int32(types.int64, types.int64), codegen
