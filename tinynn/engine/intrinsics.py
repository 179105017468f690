"""The primitives of `tinynn._compiled` as machine instructions; imported by its `load` alone, since it needs numba.

BLAS is called by a *name* that the compiled code refers to and that is bound to an address at start: code kept on disk
stays valid when the library is loaded somewhere else.
"""

from __future__ import annotations

import ctypes
import math
import platform
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from tinynn import _compiled
from tinynn.engine import blas
from tinynn.kernels import elementary

_found = blas.find()
llvm.add_symbol("tinynn_sgemm", _found.sgemm)
llvm.add_symbol("tinynn_dgemm", _found.dgemm)
_process = ctypes.CDLL(None)
llvm.add_symbol("tinynn_yield", ctypes.cast(_process.sched_yield, ctypes.c_void_p).value)


@intrinsic
def _pointer(context: Any, array: Any, offset: Any) -> Any:
    """The address of array.flat[offset], for a contiguous array."""

    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.gep(ctx.make_array(sig.args[0])(ctx, builder, args[0]).data, [args[1]])

    return types.CPointer(array.dtype)(array, types.int64), codegen


@intrinsic
def _address(context: Any, array: Any) -> Any:
    """Where an array's first entry stands in memory."""

    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ptrtoint(ctx.make_array(sig.args[0])(ctx, builder, args[0]).data, ir.IntType(64))

    return types.int64(array), codegen


@njit(**_compiled.OPTIONS)
def view(flat: Any, offset: Any, rows: Any, columns: Any) -> Any:
    return carray(_pointer(flat, offset), (rows, columns))


@njit(**_compiled.OPTIONS)
def line(flat: Any, offset: Any, size: Any) -> Any:
    return carray(_pointer(flat, offset), (size,))


@njit(**_compiled.OPTIONS)
def flatten(array: Any) -> Any:
    return carray(_pointer(array, 0), (array.size,))


@njit(**_compiled.OPTIONS)
def put(frame: Any, place: Any, array: Any) -> None:
    frame[3 * place] = _address(array)
    frame[3 * place + 1] = array.shape[0]
    frame[3 * place + 2] = array.shape[1]


@njit(**_compiled.OPTIONS)
def put_line(frame: Any, place: Any, array: Any) -> None:
    frame[3 * place] = _address(array)
    frame[3 * place + 1] = array.size
    frame[3 * place + 2] = 1


@njit(**_compiled.OPTIONS)
def put_word(frame: Any, place: Any, word: Any) -> None:
    frame[3 * place] = word


@intrinsic
def call_at(context: Any, address: Any, frame: Any) -> Any:
    """numba's calling convention: (where to put the result, where to put an error, the argument) -> status."""

    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        octet, word = ir.IntType(8), ir.IntType(64)
        convention = ir.FunctionType(ir.IntType(32), [octet.as_pointer(), octet.as_pointer(), word.as_pointer()])
        function = builder.inttoptr(args[0], convention.as_pointer())
        space = [builder.bitcast(cgutils.alloca_once(builder, word, 2), octet.as_pointer()) for _ in range(2)]
        words = ctx.make_array(sig.args[1])(ctx, builder, args[1]).data
        builder.call(function, [*space, words])
        return ctx.get_dummy_value()

    return types.void(types.int64, frame), codegen


@intrinsic
def gemm(context: Any, transpose_a: Any, transpose_b: Any, alpha: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    """Fortran's column-major gemm computes c.T = op(b).T op(a).T, which in memory is the row-major product."""
    real = c.dtype
    signature = types.void(types.boolean, types.boolean, real, a, b, real, c)

    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        flag_a, flag_b, alpha, a_value, b_value, beta, c_value = args
        octet = ir.IntType(8)
        pointer = octet.as_pointer()
        arrays = [ctx.make_array(ty)(ctx, builder, value) for ty, value in zip((a, b, c), (a_value, b_value, c_value))]
        rows_columns = [cgutils.unpack_tuple(builder, array.shape, 2) for array in arrays]
        item = ir.Constant(ir.IntType(64), real.bitwidth // 8)
        leading = [builder.sdiv(cgutils.unpack_tuple(builder, array.strides, 2)[0], item) for array in arrays]

        def by_reference(value: Any) -> Any:
            slot = cgutils.alloca_once(builder, value.type)
            builder.store(value, slot)
            return builder.bitcast(slot, pointer)

        def letter(flag: Any) -> Any:
            is_set = cgutils.is_true(builder, flag)
            return by_reference(builder.select(is_set, ir.Constant(octet, ord("T")), ir.Constant(octet, ord("N"))))

        (a_rows, a_columns), _, (m, n) = rows_columns
        k = builder.select(cgutils.is_true(builder, flag_a), a_rows, a_columns)
        data_a, data_b, data_c = (builder.bitcast(array.data, pointer) for array in arrays)
        lead_a, lead_b, lead_c = (by_reference(value) for value in leading)
        name = "tinynn_sgemm" if real == types.float32 else "tinynn_dgemm"
        routine = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [pointer] * 13), name)
        sizes = [by_reference(value) for value in (n, m, k)]
        factors = [by_reference(alpha), data_b, lead_b, data_a, lead_a, by_reference(beta)]
        builder.call(routine, [letter(flag_b), letter(flag_a), *sizes, *factors, data_c, lead_c])
        return ctx.get_dummy_value()

    return signature, codegen


@intrinsic
def arrive(context: Any, counter: Any) -> Any:
    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = ctx.make_array(sig.args[0])(ctx, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(counter), codegen


@intrinsic
def look(context: Any, counter: Any) -> Any:
    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(ctx.make_array(sig.args[0])(ctx, builder, args[0]).data, "acquire", 8)

    return types.int64(counter), codegen


@intrinsic
def give_way(context: Any) -> Any:
    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        routine = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), []), "tinynn_yield")
        builder.call(routine, [])
        return ctx.get_dummy_value()

    return types.void(), codegen


@intrinsic
def bits(context: Any, x: Any) -> Any:
    """The bits of a float32 as an int32, or the other way round."""
    other = types.int32 if x == types.float32 else types.float32

    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ctx.get_value_type(sig.return_type))

    return other(x), codegen


@intrinsic
def flush_denormals(context: Any, control: Any) -> Any:
    def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        if platform.machine().lower() not in ("x86_64", "amd64"):
            return args[0]
        word, octet = ir.IntType(32), ir.IntType(8).as_pointer()
        slot = cgutils.alloca_once(builder, word)
        register = ir.FunctionType(ir.VoidType(), [octet])
        read = cgutils.get_or_insert_function(builder.module, register, "llvm.x86.sse.stmxcsr")
        write = cgutils.get_or_insert_function(builder.module, register, "llvm.x86.sse.ldmxcsr")
        builder.call(read, [builder.bitcast(slot, octet)])
        before = builder.load(slot)
        flushing = builder.or_(before, ir.Constant(word, 0x8040))  # flush to zero, denormals are zero
        is_request = builder.icmp_signed("<", args[0], ir.Constant(ir.IntType(64), 0))
        builder.store(builder.select(is_request, flushing, builder.trunc(args[0], word)), slot)
        builder.call(write, [builder.bitcast(slot, octet)])
        return builder.zext(before, ir.IntType(64))

    return types.int64(types.int64), codegen


def _by_precision(single: str, double: Any) -> Any:
    """A function of one number for both precisions: for float32 the polynomial of that name, for float64 the C library's."""

    def function(x: Any) -> Any:
        raise NotImplementedError("called from compiled code only")

    @overload(function, jit_options=_compiled.OPTIONS)
    def choose(x):  # type: ignore[no-untyped-def]  # numba compares its signature with that of the lambdas
        if x == types.float32:
            polynomial = getattr(elementary, single)
            return lambda x: polynomial(x)
        return lambda x: double(x)

    return function


exp = _by_precision("exp32", math.exp)
log = _by_precision("log32", math.log)
tanh = _by_precision("tanh32", math.tanh)
