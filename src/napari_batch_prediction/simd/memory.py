"""The memory of loops that allocate arrays, where numba's is not: what its code calls, for LLVM.

An array's memory begins with what numba's code reads of it: the number of references, then four words of which only
the address of the values matters here. It goes when the last reference does. Arrays are given another shape without a
copy if their values follow one another.
"""

from llvmlite import binding as llvm

_SOURCE = """
declare ptr @malloc(i64)
declare void @free(ptr)

define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %alignment) {
entry:
  %step = zext i32 %alignment to i64
  %room = add i64 %size, %step
  %all = add i64 %room, 48
  %info = call ptr @malloc(i64 %all)
  %failed = icmp eq ptr %info, null
  br i1 %failed, label %end, label %fill
fill:
  call void @llvm.memset.p0.i64(ptr %info, i8 0, i64 48, i1 false)
  store i64 1, ptr %info
  %start = ptrtoint ptr %info to i64
  %behind = add i64 %start, 47
  %beyond = add i64 %behind, %step
  %rest = urem i64 %beyond, %step
  %address = sub i64 %beyond, %rest
  %values = inttoptr i64 %address to ptr
  %place = getelementptr i8, ptr %info, i64 24
  store ptr %values, ptr %place
  br label %end
end:
  ret ptr %info
}

define void @NRT_MemInfo_call_dtor(ptr %info) {
  call void @free(ptr %info)
  ret void
}

declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define i32 @numba_attempt_nocopy_reshape(
    i64 %n, ptr %extents, ptr %strides, i64 %n_new, ptr %new_extents, ptr %new_strides, i64 %size, i32 %by_columns
) {
entry:
  %rows = icmp eq i32 %by_columns, 0
  br i1 %rows, label %look, label %no
look:
  %i = phi i64 [ %n, %entry ], [ %before, %next ]
  %expected = phi i64 [ %size, %entry ], [ %larger, %next ]
  %looked = icmp eq i64 %i, 0
  br i1 %looked, label %set, label %compare
compare:
  %before = sub i64 %i, 1
  %extent_at = getelementptr i64, ptr %extents, i64 %before
  %extent = load i64, ptr %extent_at
  %stride_at = getelementptr i64, ptr %strides, i64 %before
  %stride = load i64, ptr %stride_at
  %larger = mul i64 %expected, %extent
  %follows = icmp eq i64 %stride, %expected
  %single = icmp eq i64 %extent, 1
  %fits = or i1 %follows, %single
  br i1 %fits, label %next, label %no
next:
  br label %look
set:
  %j = phi i64 [ %n_new, %look ], [ %last, %put ]
  %step = phi i64 [ %size, %look ], [ %wider, %put ]
  %done = icmp eq i64 %j, 0
  br i1 %done, label %yes, label %put
put:
  %last = sub i64 %j, 1
  %to = getelementptr i64, ptr %new_strides, i64 %last
  store i64 %step, ptr %to
  %new_at = getelementptr i64, ptr %new_extents, i64 %last
  %new = load i64, ptr %new_at
  %wider = mul i64 %step, %new
  br label %set
yes:
  ret i32 1
no:
  ret i32 0
}
"""


def memory() -> llvm.ModuleRef:
    """Return the module with these functions."""
    return llvm.parse_assembly(_SOURCE)
