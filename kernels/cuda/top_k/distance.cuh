// Exact distances: a warp measures R consecutive rows against Q queries.
//
// Element i of a pair is always added by lane (i / 8) % 32, in the order of i, and the lanes' sums are always added in
// one tree: the distance of a pair depends on its elements alone, not on where the row stands, which queries are beside
// it, whether elements are halves or floats, or which kernel asks.
#pragma once

#include "../machine.cuh"
#include "queue.cuh"

// Eight elements as they are loaded.
struct Half {
    static constexpr int WORDS = 1;
    uint4 word;

    __device__ __forceinline__ void load(const uint4* source) { word = load_streaming(source); }

    __device__ __forceinline__ void expand(float (&elements)[8]) const {
        widen(word.x, elements[0], elements[1]);
        widen(word.y, elements[2], elements[3]);
        widen(word.z, elements[4], elements[5]);
        widen(word.w, elements[6], elements[7]);
    }
};

struct Single {
    static constexpr int WORDS = 2;
    uint4 words[2];

    __device__ __forceinline__ void load(const uint4* source) {
        // Both halves of a 32-byte sector: not streaming, or the first load would drop what the second one needs.
        words[0] = __ldg(source);
        words[1] = __ldg(source + 1);
    }

    __device__ __forceinline__ void expand(float (&elements)[8]) const {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            elements[4 * half] = __uint_as_float(words[half].x);
            elements[4 * half + 1] = __uint_as_float(words[half].y);
            elements[4 * half + 2] = __uint_as_float(words[half].z);
            elements[4 * half + 3] = __uint_as_float(words[half].w);
        }
    }
};

// Copies queries into shared memory: [Q][2][chunk_count], the first four elements of all chunks, then the last four,
// so that the lanes of a warp read consecutive words. Queries beyond the batch are zero.
template <int Q>
__device__ __forceinline__ void stage_queries(float4* staged, const float4* queries, u32 first, u32 batch,
                                              u32 chunk_count) {
    const u32 words = 2 * chunk_count;
    for (u32 i = threadIdx.x; i < Q * words; i += blockDim.x) {
        const u32 query = i / words, half = i % words / chunk_count, chunk = i % chunk_count;
        float4 elements = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        if (first + query < batch) elements = queries[static_cast<u64>(first + query) * words + 2 * chunk + half];
        staged[i] = elements;
    }
}

__device__ __forceinline__ void spread(const float4& a, const float4& b, float (&elements)[8]) {
    elements[0] = a.x, elements[1] = a.y, elements[2] = a.z, elements[3] = a.w;
    elements[4] = b.x, elements[5] = b.y, elements[6] = b.z, elements[7] = b.w;
}

// This lane's share of the distances, sums[q * R + r]. `rows` points to the first row.
template <class Chunk, int R, int Q>
__device__ __forceinline__ void add_squares(float (&sums)[R * Q], const uint4* rows, const float4* staged,
                                            u32 chunk_count, int lane) {
    const u32 row_words = chunk_count * Chunk::WORDS;
    const uint4* place = opaque(rows + lane * Chunk::WORDS);
    for (u32 chunk = lane; chunk < chunk_count; chunk += 32, place += 32 * Chunk::WORDS) {
        Chunk loaded[R];
        // All loads before any use: this many bytes are on their way at once.
#pragma unroll
        for (int r = 0; r < R; r++) loaded[r].load(place + r * row_words);
#pragma unroll
        for (int q = 0; q < Q; q++) {
            float query[8];
            const float4* halves = staged + q * 2 * chunk_count + chunk;
            spread(halves[0], halves[chunk_count], query);
#pragma unroll
            for (int r = 0; r < R; r++) {
                float row[8];
                loaded[r].expand(row);
#pragma unroll
                for (int e = 0; e < 8; e++) {
                    const float difference = row[e] - query[e];
                    sums[q * R + r] = fmaf(difference, difference, sums[q * R + r]);
                }
            }
        }
    }
}

// Adds the lanes' shares. Afterwards lane l holds the total of sums[l / (32 / N)]. Each halving hands half of the sums
// to the other half of the lanes, so that N totals take N + 5 - log2(N) - 1 exchanges and not 5 N; the tree is the one
// of adding over strides 16, 8, 4, 2, 1.
template <int N, int STRIDE = 16, int M>
__device__ __forceinline__ float total_lanes(float (&sums)[M], int lane) {
    static_assert(M <= 32 && (M & (M - 1)) == 0, "sums are halved");
    if constexpr (N > 1) {
        const bool upper = (lane & STRIDE) != 0;
#pragma unroll
        for (int i = 0; i < N / 2; i++) {
            const float low = sums[i], high = sums[i + N / 2];
            sums[i] = (upper ? high : low) + __shfl_xor_sync(ALL_LANES, upper ? low : high, STRIDE);
        }
        return total_lanes<N / 2, STRIDE / 2>(sums, lane);
    } else {
        float sum = sums[0];
#pragma unroll
        for (int stride = STRIDE; stride > 0; stride /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, stride);
        return sum;
    }
}

// Rows that a warp measures at once against one query.
constexpr u32 ROWS_AT_ONCE = 8;

// Measures the rows first_row..first_row + 8 of the table against the one staged query and returns this lane's key;
// lanes without one of their own, rows from `end_row` on and NaN distances give NO_KEY.
template <class Chunk>
__device__ __forceinline__ u64 measure_rows(const uint4* rows, u32 row, u32 end_row, const float4* staged,
                                            u32 chunk_count, int lane) {
    float sums[ROWS_AT_ONCE] = {};
    const uint4* first = rows + static_cast<u64>(row) * chunk_count * Chunk::WORDS;
    add_squares<Chunk, ROWS_AT_ONCE, 1>(sums, first, staged, chunk_count, lane);
    const float distance = total_lanes<ROWS_AT_ONCE>(sums, lane);
    const u32 mine = row + lane / 4;
    const bool valid = lane % 4 == 0 && mine < end_row && distance == distance;
    return valid ? key_of(distance, mine) : NO_KEY;
}
