// Where a surface lies in a map: the twin of src/placement.rs.
#pragma once

#include "../machine.cuh"

// As the host lays it out: 13 numbers.
struct Placement {
    float rotation[9];  // view axes from mesh axes, row by row
    float scale;        // cells a mesh unit at the origin
    float nearness;     // one over the origin's distance, per mesh unit
    float centre[2];    // cells
};

// Which array of a surface's coordinates holds what: the twin of `coordinate` in src/surface.rs.
constexpr u32 POSITION = 0, NORMAL = 3, AREA = 6, TANGENTS = 7, GRADIENT_PRODUCTS = 13, GRADIENT_FEATURE = 16,
              SQUARED_LENGTH = 18;

// Points nearer than this fraction of the origin's distance are not seen.
constexpr float DEPTH_MIN = 0.1f;

struct Vector {
    float x, y, z;
};

__device__ __forceinline__ float dot(const Vector& a, const Vector& b) {
    return fmaf(a.x, b.x, fmaf(a.y, b.y, a.z * b.z));
}

__device__ __forceinline__ Vector turn(const Placement& placement, const Vector& vector) {
    const float* r = placement.rotation;
    return {dot({r[0], r[1], r[2]}, vector), dot({r[3], r[4], r[5]}, vector), dot({r[6], r[7], r[8]}, vector)};
}

// Three arrays of coordinates from `first` on; `stride` numbers each.
__device__ __forceinline__ Vector load_vector(const float* coordinates, u32 stride, u32 first, u32 vertex) {
    return {coordinates[first * stride + vertex], coordinates[(first + 1) * stride + vertex],
            coordinates[(first + 2) * stride + vertex]};
}

struct Placed {
    Vector y;      // in view axes
    float depth;   // along the view axis, as a fraction of the origin's
    float cells;   // a mesh unit
    float u, v;    // cells
    float facing;  // cosine between normal and the direction to the viewer

    __device__ __forceinline__ bool faces_viewer() const { return depth > DEPTH_MIN && facing > 0.0f; }

    // Cells squared that a unit of area covers.
    __device__ __forceinline__ float area_scale() const { return facing * (cells * cells); }
};

__device__ __forceinline__ Placed place(const Placement& placement, const float* coordinates, u32 stride, u32 vertex) {
    Placed placed;
    placed.y = turn(placement, load_vector(coordinates, stride, POSITION, vertex));
    const Vector normal = turn(placement, load_vector(coordinates, stride, NORMAL, vertex));
    placed.depth = fmaf(placement.nearness, placed.y.z, 1.0f);
    const Vector ray = {placement.nearness * placed.y.x, placement.nearness * placed.y.y, placed.depth};
    placed.cells = placement.scale / placed.depth;
    placed.facing = -dot(normal, ray) / sqrtf(dot(ray, ray));
    placed.u = fmaf(placed.cells, placed.y.x, placement.centre[0]);
    placed.v = fmaf(placed.cells, placed.y.y, placement.centre[1]);
    return placed;
}

constexpr u32 ALL_LANES = 0xffffffffu;

// The sum over a warp's lanes, in every lane.
__device__ __forceinline__ float total_of_warp(float value) {
    for (int stride = 16; stride > 0; stride /= 2) value += __shfl_xor_sync(ALL_LANES, value, stride);
    return value;
}
