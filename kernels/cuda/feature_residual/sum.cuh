// From what vertices see to the normal equations: the twin of src/feature_residual/sums.rs.
#pragma once

#include "arguments.cuh"

// `exp`, as src/vector.rs has it.
__device__ __forceinline__ float exponential(float argument) {
    argument = fmaxf(fminf(argument, 88.0f), -87.0f);
    const float power = rintf(argument * 1.44269504f);
    const float rest = fmaf(power, 2.1219444e-4f, fmaf(power, -0.6933594f, argument));
    float sum = 1.9875692e-4f;
    sum = fmaf(sum, rest, 1.3982e-3f);
    sum = fmaf(sum, rest, 8.333452e-3f);
    sum = fmaf(sum, rest, 4.1665796e-2f);
    sum = fmaf(sum, rest, 1.6666666e-1f);
    sum = fmaf(sum, rest, 0.5f);
    sum = fmaf(sum, rest * rest, rest + 1.0f);
    return sum * __int_as_float((static_cast<int>(power) + 127) << 23);
}

// 1 / (1 + exp(-x)); exactly zero where the exponential would leave single precision.
__device__ __forceinline__ float sigmoid(float x) { return x < -87.0f ? 0.0f : 1.0f / (1.0f + exponential(-x)); }

// How far the texture slides along both tangents when the placement steps. Both Jacobians hold the factor `cells`, which
// cancels but for the shifts.
__device__ __forceinline__ void slide(float (&slides)[6][2], const Arguments& a, const Placed& placed, u32 vertex) {
    const float growth = 1.0f / placed.ray.z;
    const float x = placed.y.x, y = placed.y.y, z = placed.y.z;
    // The point's own slant.
    const float nx = growth * placed.ray.x, ny = growth * placed.ray.y;
    const Vector t1 = turn(a.placement, load_vector(a.coordinates, a.stride, TANGENTS, vertex));
    const Vector t2 = turn(a.placement, load_vector(a.coordinates, a.stride, TANGENTS + 3, vertex));
    const float u1 = t1.x - nx * t1.z, v1 = t1.y - ny * t1.z, u2 = t2.x - nx * t2.z, v2 = t2.y - ny * t2.z;
    const float square_u = fmaf(u1, u1, u2 * u2), square_v = fmaf(v1, v1, v2 * v2), m12 = fmaf(u1, v1, u2 * v2);
    const float damping = 0.5f * DAMPING * (square_u + square_v);
    const float m11 = square_u + damping, m22 = square_v + damping;
    const float inverse = 1.0f / (m11 * m22 - m12 * m12);
    const float rows[2][2] = {{inverse * (u1 * m22 - v1 * m12), inverse * (v1 * m11 - u1 * m12)},
                              {inverse * (u2 * m22 - v2 * m12), inverse * (v2 * m11 - u2 * m12)}};
    const float shift = 1.0f / a.placement.scale;
    const float moves[6][2] = {{-(nx * y), -fmaf(ny, y, z)}, {fmaf(nx, x, z), ny * x}, {-y, x},
                               {growth * placed.right, growth * placed.down}, {shift, 0.0f}, {0.0f, shift}};
#pragma unroll
    for (int p = 0; p < 6; p++) {
#pragma unroll
        for (int row = 0; row < 2; row++)
            slides[p][row] = fmaf(rows[row][0], moves[p][0], rows[row][1] * moves[p][1]);
    }
}

__device__ __forceinline__ void add_vertex(float (&sums)[SUM_COUNT], const Arguments& a, const Match& match,
                                           u32 vertex) {
    const auto at = [&](u32 index) { return a.coordinates[index * a.stride + vertex]; };
    const Placed placed = place(a.placement, a.coordinates, a.stride, vertex);
    const float4 products = a.products[vertex];
    const float area = at(AREA) * placed.area_scale();
    const float excess = match.similarity - fmaxf(match.clutter, a.floor);
    const float weight = area * sigmoid(excess / a.temperature);
    float slides[6][2];
    slide(slides, a, placed, vertex);
    const float p11 = at(GRADIENT_PRODUCTS), p12 = at(GRADIENT_PRODUCTS + 1), p22 = at(GRADIENT_PRODUCTS + 2);
    const float residual[2] = {products.x - at(GRADIENT_FEATURE), products.y - at(GRADIENT_FEATURE + 1)};
    int index = 0;
#pragma unroll
    for (int row = 0; row < 6; row++) {
        const float first = weight * fmaf(p11, slides[row][0], p12 * slides[row][1]);
        const float second = weight * fmaf(p12, slides[row][0], p22 * slides[row][1]);
#pragma unroll
        for (int column = row; column < 6; column++)
            sums[index++] += fmaf(first, slides[column][0], second * slides[column][1]);
    }
#pragma unroll
    for (int p = 0; p < 6; p++)
        sums[index++] += weight * fmaf(slides[p][0], residual[0], slides[p][1] * residual[1]);
    sums[index++] += area * fmaxf(excess, 0.0f);
    sums[index++] += weight * fmaf(-2.0f, match.similarity, products.z + at(SQUARED_LENGTH));
    sums[index++] += weight;
    sums[index++] += area;
}

// One block, always in the same order. Shared memory: SUM_COUNT numbers for each warp.
__device__ __forceinline__ void sum(const Arguments& a) {
    SHARED_BYTES(shared);
    float* warps = reinterpret_cast<float*>(shared);
    float sums[SUM_COUNT] = {};
    for (u32 vertex = threadIdx.x; vertex < a.vertex_count; vertex += blockDim.x) {
        const Match match = a.matches[vertex];
        if (match.similarity == match.similarity) add_vertex(sums, a, match, vertex);
    }
#pragma unroll
    for (u32 index = 0; index < SUM_COUNT; index++) {
        const float total = total_of_warp(sums[index]);
        if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32 * SUM_COUNT + index] = total;
    }
#ifndef PLANTED_MISSING_BARRIER
    __syncthreads();
#endif
    if (threadIdx.x >= SUM_COUNT) return;
    float total = 0.0f;
    for (u32 warp = 0; warp < blockDim.x / 32; warp++) total += warps[warp * SUM_COUNT + threadIdx.x];
    a.sums[threadIdx.x] = total;
}
