// Every vertex with every cell.
#pragma once

#include "arguments.cuh"

// Vertices and cells of a block, each; elements of the features that are staged at a time.
constexpr u32 TILE = 64, DEPTH = 16;

// Numbers of a staged row: padded, so that rows start in different banks and at 16 bytes.
constexpr u32 TILE_STRIDE = TILE + 4;

// Stages DEPTH elements of TILE rows, transposed: [DEPTH, TILE_STRIDE]. Zeros beyond the last row and element.
__device__ __forceinline__ void stage(float* staged, const float* rows, u32 row_count, u32 dim, u32 first_row,
                                      u32 first_element) {
    const u32 row = threadIdx.x / 4, part = threadIdx.x % 4 * (DEPTH / 4);
#pragma unroll
    for (u32 e = 0; e < DEPTH / 4; e++) {
        const u32 element = first_element + part + e;
        const bool exists = first_row + row < row_count && element < dim;
        staged[(part + e) * TILE_STRIDE + row] = exists ? rows[(first_row + row) * dim + element] : 0.0f;
    }
}

// Grid: x over tiles of cells, y over tiles of vertices. A thread makes four by four gains; each sum runs over the
// elements in their order. Shared memory: both staged tiles, and what absence reaches in each cell.
__device__ __forceinline__ void compare(const Arguments& a) {
    SHARED_BYTES(shared);
    float* vertices = reinterpret_cast<float*>(shared);
    float* cells = vertices + DEPTH * TILE_STRIDE;
    float* limits = cells + DEPTH * TILE_STRIDE;
    const u32 first_cell = blockIdx.x * TILE, first_vertex = blockIdx.y * TILE;
    const u32 column = threadIdx.x % 16 * 4, row = threadIdx.x / 16 * 4;
    float sums[4][4] = {};
    float limit = 0.0f;
    for (u32 element = 0; element < a.dim; element += DEPTH) {
        __syncthreads();
        stage(vertices, a.features, a.vertex_count, a.dim, first_vertex, element);
        stage(cells, a.map, a.cell_count, a.dim, first_cell, element);
#ifndef PLANTED_MISSING_BARRIER
        __syncthreads();
#endif
        const u32 count = min(DEPTH, a.dim - element);
        if (threadIdx.x < TILE) {
            for (u32 e = 0; e < count; e++)
                limit = fmaf(a.clutter[element + e], cells[e * TILE_STRIDE + threadIdx.x], limit);
        }
#pragma unroll
        for (u32 e = 0; e < DEPTH; e++) {
            const float4 v = *reinterpret_cast<const float4*>(vertices + e * TILE_STRIDE + row);
            const float4 c = *reinterpret_cast<const float4*>(cells + e * TILE_STRIDE + column);
            const float own[4] = {v.x, v.y, v.z, v.w}, other[4] = {c.x, c.y, c.z, c.w};
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++) sums[i][j] = fmaf(own[i], other[j], sums[i][j]);
            }
        }
    }
    if (threadIdx.x < TILE) limits[threadIdx.x] = fmaxf(limit, a.floor);
    __syncthreads();
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
        const u32 vertex = first_vertex + row + i;
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
            const u32 cell = first_cell + column + j;
            if (vertex < a.vertex_count && cell < a.cell_count)
                a.gains[vertex * a.cell_count + cell] = fmaxf(sums[i][j] - limits[column + j], 0.0f);
        }
    }
}
