// Queries as the filter wants them: in halves, or in two bytes an element, and how much that loses.
//
// The codes of a tile of queries lie in the order in which warps read them: [plane][word / 4][query][word % 4], words
// of 16 bytes. Whatever code an element gets is right, since the error is measured and not assumed.
#pragma once

#include "arguments.cuh"
#include "queue.cuh"

__device__ __forceinline__ float warp_sum(float value) {
    for (int stride = 16; stride > 0; stride /= 2) value += __shfl_xor_sync(ALL_LANES, value, stride);
    return value;
}

__device__ __forceinline__ float largest_magnitude(const float* query, u32 length, u32 lane) {
    float largest = 0.0f;
    for (u32 i = lane; i < length; i += 32) largest = fmaxf(largest, fabsf(query[i]));
    for (int stride = 16; stride > 0; stride /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, stride));
    return largest;
}

// Where word `word` of a query's codes lies in its tile.
__device__ __forceinline__ u32 code_place(u32 word, u32 query, u32 tile_queries) {
    return (word / 4 * tile_queries + query) * 4 + word % 4;
}

// Rounded up a little: sums of up to 2048 squares, of which a lane adds 64 and the tree 5, and a root. What squares lose
// that underflow, 2048 * 2^-150, has a root below 1e-20.
__device__ __forceinline__ float upper_norm(float sum_of_squares) { return sqrtf(sum_of_squares) * 1.0001f + 1e-20f; }

// Halves: the query times a power of two that brings its largest element between 2^8 and 2^9, so that nothing
// overflows, and what underflows is 2^-33 of the largest.
struct HalfCodes {
    static constexpr u32 PLANES = 1;

    static __device__ __forceinline__ void encode(const Arguments& a, const float* query, u32 length, uint4* codes,
                                                  u32 slot, QueryBound& bound, u32 lane) {
        const u32 exponent = __float_as_uint(largest_magnitude(query, length, lane)) >> 23;
        const u32 raised = 262 - exponent > 253 ? 253 : 262 - exponent;
        const float up = __uint_as_float(raised << 23), down = __uint_as_float((254 - raised) << 23);
        float norm = 0.0f, lost = 0.0f;
        for (u32 word = lane; word < 4 * a.step_count; word += 32) {
            u32 halves[4];
            for (u32 pair = 0; pair < 4; pair++) {
                float scaled[2], rounded[2];
                for (u32 i = 0; i < 2; i++) {
                    const u32 element = word * 8 + pair * 2 + i;
                    scaled[i] = element < length ? query[element] * up : 0.0f;
                }
                halves[pair] = narrow(scaled[0], scaled[1]);
                widen(halves[pair], rounded[0], rounded[1]);
                for (u32 i = 0; i < 2; i++) {
                    const float loss = (scaled[i] - rounded[i]) * down, kept = rounded[i] * down;
                    lost = fmaf(loss, loss, lost);
                    norm = fmaf(kept, kept, norm);
                }
            }
            codes[code_place(word, slot, a.tile_queries)] = make_uint4(halves[0], halves[1], halves[2], halves[3]);
        }
        bound.scale = down;
        bound.squared_norm = warp_sum(norm);
        bound.error = upper_norm(warp_sum(lost));
    }
};

// Two bytes: 128 * high + low, high from -127 to 127 and low from -64 to 63, each in a plane of its own.
struct ByteCodes {
    static constexpr u32 PLANES = 2;

    static __device__ __forceinline__ void encode(const Arguments& a, const float* query, u32 length, uint4* codes,
                                                  u32 slot, QueryBound& bound, u32 lane) {
        const float scale = largest_magnitude(query, length, lane) / 16256.0f;
        const u32 plane_words = 4 * a.step_count * a.tile_queries;
        float norm = 0.0f, lost = 0.0f;
        for (u32 word = lane; word < 4 * a.step_count; word += 32) {
            u32 high[4] = {}, low[4] = {};
            for (u32 i = 0; i < 16; i++) {
                const u32 element = word * 16 + i;
                const float value = element < length ? query[element] : 0.0f;
                // A quotient that is no number, of a query without length, becomes zero.
                const float code = scale > 0.0f ? fminf(fmaxf(rintf(value / scale), -16256.0f), 16256.0f) : 0.0f;
                const int whole = static_cast<int>(code), upper = (whole + 64) >> 7;
                high[i / 4] |= static_cast<u32>(upper & 255) << 8 * (i % 4);
                low[i / 4] |= static_cast<u32>((whole - 128 * upper) & 255) << 8 * (i % 4);
                const float kept = scale * code, loss = fmaf(-scale, code, value);
                lost = fmaf(loss, loss, lost);
                norm = fmaf(kept, kept, norm);
            }
            const u32 place = code_place(word, slot, a.tile_queries);
            codes[place] = make_uint4(high[0], high[1], high[2], high[3]);
            codes[plane_words + place] = make_uint4(low[0], low[1], low[2], low[3]);
        }
        bound.scale = scale;
        bound.squared_norm = warp_sum(norm);
        bound.error = upper_norm(warp_sum(lost));
    }
};

// One warp and one block for each query of the padded tiles; those beyond the batch get zero codes.
template <class Codes>
__device__ __forceinline__ void prepare(const Arguments& a) {
    const u32 lane = threadIdx.x, tile = blockIdx.x / a.tile_queries, slot = blockIdx.x % a.tile_queries;
    uint4* codes = a.query_codes + static_cast<u64>(tile) * Codes::PLANES * 4 * a.step_count * a.tile_queries;
    const u32 length = blockIdx.x < a.batch ? 8 * a.chunk_count : 0;
    const float* query = reinterpret_cast<const float*>(a.queries) + static_cast<u64>(blockIdx.x) * 8 * a.chunk_count;
    QueryBound bound = {};
    Codes::encode(a, query, length, codes, slot, bound, lane);
    if (lane == 0) a.query_bounds[blockIdx.x] = bound;
    // The count of the search that begins here.
    if (lane == 0 && blockIdx.x == 0) *a.reranked = 0;
}
