// The few things that device code needs and C++ does not name: number types, half precision, streaming loads,
// shared memory and matrix instructions. Under CUDA_EMULATED the same names come from emulation/machine.hpp.
#pragma once

using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long long;

#ifdef CUDA_EMULATED
#include "emulation/machine.hpp"
#else

// A kernel that the host finds by its name.
#define KERNEL(name, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name

// Declares `name` as the block's dynamic shared memory, 16-byte aligned.
#define SHARED_BYTES(name)                  \
    extern __shared__ uint4 name##_words[]; \
    u8* name = reinterpret_cast<u8*>(name##_words)

// Which matrix instructions there are: those of Turing (75), of Ampere and later (80), or none.
#if __CUDA_ARCH__ >= 800
#define MATRIX_GENERATION 80
#elif __CUDA_ARCH__ >= 750
#define MATRIX_GENERATION 75
#else
#define MATRIX_GENERATION 0
#endif

// Two halves, the low one first, widened exactly.
__device__ __forceinline__ void widen(u32 halves, float& low, float& high) {
    asm("{.reg .b16 l, h;\n\tmov.b32 {l, h}, %2;\n\tcvt.f32.f16 %0, l;\n\tcvt.f32.f16 %1, h;}"
        : "=f"(low), "=f"(high)
        : "r"(halves));
}

// Rounds to nearest even; beyond the range of halves to infinity.
__device__ __forceinline__ u32 narrow(float low, float high) {
    u32 halves;
    asm("{.reg .b16 l, h;\n\tcvt.rn.f16.f32 l, %1;\n\tcvt.rn.f16.f32 h, %2;\n\tmov.b32 %0, {l, h};}"
        : "=r"(halves)
        : "f"(low), "f"(high));
    return halves;
}

// Off by at most 2^-23 of the root.
__device__ __forceinline__ float approximate_root(float value) {
    float root;
    asm("sqrt.approx.f32 %0, %1;" : "=f"(root) : "f"(value));
    return root;
}

// The same pointer, whose making the compiler cannot see: it keeps the one it has, and does not compute a new one for
// every load from the numbers it was made of.
__device__ __forceinline__ const uint4* opaque(const uint4* pointer) {
    asm("" : "+l"(pointer));
    return pointer;
}

// A load of what will not be read again soon.
__device__ __forceinline__ uint4 load_streaming(const uint4* source) { return __ldcs(source); }

// Matrix instructions, sums += a b, named by rows of `a`, columns of `b`, and length of the products. Lane 4 g + t holds
// of `a` the rows g (a0, a2) and g + 8 (a1, a3), of `b` column g, of `sums` the columns 2 t and 2 t + 1 of row g (0, 1) and
// of row g + 8 (2, 3).
#if MATRIX_GENERATION >= 80
__device__ __forceinline__ void multiply_halves_16_8_16(float (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0,
                                                        u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void multiply_bytes_16_8_32(int (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
#elif MATRIX_GENERATION == 75
__device__ __forceinline__ void multiply_halves_16_8_8(float (&sums)[4], u32 a0, u32 a1, u32 b0) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a0), "r"(a1), "r"(b0));
}

__device__ __forceinline__ void multiply_bytes_8_8_16(int& sum0, int& sum1, u32 a0, u32 b0) {
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
        : "+r"(sum0), "+r"(sum1)
        : "r"(a0), "r"(b0));
}
#endif

#endif

#if MATRIX_GENERATION > 0
// sums[16 x 8] += a[16 x 16] b[16 x 8] in halves, whatever instructions there are.
__device__ __forceinline__ void multiply_halves(float (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
#if MATRIX_GENERATION >= 80
    multiply_halves_16_8_16(sums, a0, a1, a2, a3, b0, b1);
#else
    multiply_halves_16_8_8(sums, a0, a1, b0);
    multiply_halves_16_8_8(sums, a2, a3, b1);
#endif
}

// sums[16 x 8] += a[16 x 32] b[32 x 8] in signed bytes, exact.
__device__ __forceinline__ void multiply_bytes(int (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
#if MATRIX_GENERATION >= 80
    multiply_bytes_16_8_32(sums, a0, a1, a2, a3, b0, b1);
#else
    multiply_bytes_8_8_16(sums[0], sums[1], a0, b0);
    multiply_bytes_8_8_16(sums[0], sums[1], a2, b1);
    multiply_bytes_8_8_16(sums[2], sums[3], a1, b0);
    multiply_bytes_8_8_16(sums[2], sums[3], a3, b1);
#endif
}
#endif
