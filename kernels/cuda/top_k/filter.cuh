// Lower bounds of all distances, from matrix instructions: one pass over halves, or over the sketch's bytes.
//
// Let r be a row, q a query, c and p what the codes say of them, e and f upper bounds of |r - c| and |q - p|. Then
//     |r - q| >= |c - p| - e - f,    |c - p|^2 = |c|^2 + |p|^2 - 2 c.p =: A.
// The estimate of A is off by at most norm_slack * (|c|^2 + |p|^2), plus 1e-37 for what underflows:
// - bytes: products and sums are exact integers; turning them into floats, scaling and adding round less than 16 times,
//   each by 2^-24 of at most |c|^2 + |p|^2 (2 |c| |p| is not more than that). The norm of p adds 70 roundings of its own.
//   norm_slack is 2^-17.
// - halves: c = r, products are exact, and a matrix instruction adds a run of at least four products to its sum with
//   every addend cut, not rounded, at the last bit of the largest one or later (Fasi, Higham, Mikaitis and Pranesh,
//   "Numerical behavior of NVIDIA tensor cores", PeerJ Computer Science 7:e330, 2021): an error of at most 6 * 2^-23
//   of |c| |p| for each four elements. Twice that dot product, by 2 |c| |p| <= |c|^2 + |p|^2, is off by
//   1.5 dim * 2^-23 of both squared norms; theirs add less than dim / 4 * 2^-23. norm_slack is dim * 2^-22 + 2^-17.
// A group takes the least A and the largest e of its rows. What is not a number (an infinity, a NaN, an overflow) makes
// the bound zero: the group is measured.
#pragma once

#include "arguments.cuh"
#include "queue.cuh"

#if MATRIX_GENERATION > 0

// Steps whose loads are on their way at once; a step is four words of 16 bytes of a row.
constexpr u32 STEPS_AT_ONCE = 4;

// What is known of a row beside its codes.
struct RowBound {
    float scale, squared_norm, error;
};

struct HalfFilter {
    static constexpr int PLANES = 1;
    using Sum = float;

    static __device__ __forceinline__ RowBound row_bound(const Arguments& a, u32 row) {
        return {1.0f, a.row_norms[row], 0.0f};
    }

    static __device__ __forceinline__ void multiply(float (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
        multiply_halves(sums, a0, a1, a2, a3, b0, b1);
    }

    static __device__ __forceinline__ float product(const float (&sums)[PLANES][4], int i) { return sums[0][i]; }
};

struct ByteFilter {
    static constexpr int PLANES = 2;
    using Sum = int;

    static __device__ __forceinline__ RowBound row_bound(const Arguments& a, u32 row) {
        const float scale = a.code_scales[row];
        // The scale twice, not its square: that could underflow before the norm lifts it.
        return {scale, scale * static_cast<float>(a.code_norms[row]) * scale, a.code_errors[row]};
    }

    static __device__ __forceinline__ void multiply(int (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
        multiply_bytes(sums, a0, a1, a2, a3, b0, b1);
    }

    static __device__ __forceinline__ float product(const int (&sums)[PLANES][4], int i) {
        return fmaf(128.0f, static_cast<float>(sums[0][i]), static_cast<float>(sums[1][i]));
    }
};

// At most |c - p|^2, or zero where that is no number.
__device__ __forceinline__ float least_square(float product, const RowBound& row, const QueryBound& query,
                                              float norm_slack) {
    const float norms = row.squared_norm + query.squared_norm;
    const float least = norms - 2.0f * (product * row.scale * query.scale) - fmaf(norm_slack, norms, 1e-37f);
    return least > 0.0f ? least : 0.0f;
}

// The lower bound of a group, from the least of its rows and the largest of their errors. The factors cover what the
// root, the sum and the differences round.
__device__ __forceinline__ float lower_bound(float least, float row_error, float query_error) {
    const float bound = (approximate_root(least) * 0.999999f - (row_error + query_error) * 1.000001f) * 0.999999f;
    // False too for what is not a number.
    return bound > 0.0f ? bound : 0.0f;
}

__device__ __forceinline__ float rows_min(float value) {
#pragma unroll
    for (int stride = 4; stride <= 16; stride *= 2) value = fminf(value, __shfl_xor_sync(ALL_LANES, value, stride));
    return value;
}

__device__ __forceinline__ float rows_max(float value) {
#pragma unroll
    for (int stride = 4; stride <= 16; stride *= 2) value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, stride));
    return value;
}

// What counts of a row's error: none beyond the range, and no bound is as good as infinity.
__device__ __forceinline__ float error_of(const RowBound& row, bool inside) {
    return !inside ? 0.0f : row.error >= 0.0f ? row.error : __int_as_float(0x7f800000);
}

// Grid: x over the groups, y over tiles of 8 * N queries. Shared memory: the codes and bounds of a tile.
//
// Lane 4 g + t reads word 4 step + t of rows g and g + 8 of the group: 16 bytes that are, as they come from memory, its
// operands of two matrix instructions. The instructions then see the elements in another order than the table has
// them, the same one on both sides, which does not matter to a dot product.
template <class Filter, int N>
__device__ __forceinline__ void filter(const Arguments& a) {
    constexpr u32 TILE = 8 * N;
    SHARED_BYTES(shared);
    uint4* codes = reinterpret_cast<uint4*>(shared);
    const u32 plane_words = 4 * a.step_count * TILE, tile_words = Filter::PLANES * plane_words;
    QueryBound* bounds = reinterpret_cast<QueryBound*>(codes + tile_words);
    for (u32 i = threadIdx.x; i < tile_words; i += blockDim.x)
        codes[i] = a.query_codes[static_cast<u64>(blockIdx.y) * tile_words + i];
    for (u32 i = threadIdx.x; i < TILE; i += blockDim.x) bounds[i] = a.query_bounds[blockIdx.y * TILE + i];
    __syncthreads();

    const u32 lane = threadIdx.x % 32, in_eight = lane / 4, quarter = lane % 4, warp_count = blockDim.x / 32;
    const u32 first_group = blockIdx.x * warp_count + threadIdx.x / 32;
    // `place` is that of this lane's first row in the range.
    for (u32 place = first_group * GROUP_ROWS + in_eight; place / GROUP_ROWS < a.group_count;
         place += gridDim.x * warp_count * GROUP_ROWS) {
        // Matrix instructions want all lanes at the same point.
        __syncwarp();
        const u32 row = a.first_row + place;
        const RowBound upper = Filter::row_bound(a, row), lower = Filter::row_bound(a, row + 8);
        const uint4* upper_row = opaque(a.codes + static_cast<u64>(row) * a.code_words + quarter);
        const uint4* lower_row = opaque(upper_row + 8 * a.code_words);
        typename Filter::Sum sums[N][Filter::PLANES][4] = {};
#pragma unroll 1
        for (u32 step = 0; step < a.step_count; step += STEPS_AT_ONCE) {
            uint4 above[STEPS_AT_ONCE], below[STEPS_AT_ONCE];
#pragma unroll
            for (u32 i = 0; i < STEPS_AT_ONCE; i++) {
                const bool inside = 4 * (step + i) + quarter < a.code_words;
                above[i] = inside ? load_streaming(upper_row + 4 * i) : make_uint4(0, 0, 0, 0);
                below[i] = inside ? load_streaming(lower_row + 4 * i) : make_uint4(0, 0, 0, 0);
            }
            upper_row += 4 * STEPS_AT_ONCE;
            lower_row += 4 * STEPS_AT_ONCE;
#pragma unroll
            for (u32 i = 0; i < STEPS_AT_ONCE; i++) {
#pragma unroll
                for (int n = 0; n < N; n++) {
#pragma unroll
                    for (int plane = 0; plane < Filter::PLANES; plane++) {
                        const uint4 query =
                            codes[plane * plane_words + ((step + i) * TILE + 8 * n + in_eight) * 4 + quarter];
                        Filter::multiply(sums[n][plane], above[i].x, below[i].x, above[i].y, below[i].y, query.x,
                                         query.y);
                        Filter::multiply(sums[n][plane], above[i].z, below[i].z, above[i].w, below[i].w, query.z,
                                         query.w);
                    }
                }
            }
        }
        const bool upper_inside = place < a.row_count, lower_inside = place + 8 < a.row_count;
        const float row_error = rows_max(fmaxf(error_of(upper, upper_inside), error_of(lower, lower_inside)));
        const float infinity = __int_as_float(0x7f800000);
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int column = 0; column < 2; column++) {
                const u32 slot = 8 * n + 2 * quarter + column, query = blockIdx.y * TILE + slot;
                const QueryBound bound = bounds[slot];
                const float first = least_square(Filter::product(sums[n], column), upper, bound, a.norm_slack);
                const float second = least_square(Filter::product(sums[n], 2 + column), lower, bound, a.norm_slack);
                const float least = rows_min(fminf(upper_inside ? first : infinity, lower_inside ? second : infinity));
                if (in_eight == 0 && query < a.batch)
                    a.lows[static_cast<u64>(query) * a.group_count + place / GROUP_ROWS] =
                        lower_bound(least, row_error, bound.error);
            }
        }
    }
}

#endif
