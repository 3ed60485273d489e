// Where a surface lies in a map: the twin of src/placement.rs.
#pragma once

#include "../machine.cuh"

// As the host lays it out: 15 numbers.
struct Placement {
    float rotation[9];  // camera axes from mesh axes, row by row
    float scale;        // cells a mesh unit at the origin
    float nearness;     // one over the origin's depth, per mesh unit
    float centre[2];    // cells
    float slant[2];     // of the ray to the origin
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
    Vector y;           // in the camera's axes
    Vector ray;         // to it, as parts of the origin's depth; z is its depth
    float right, down;  // of the ray to the origin, mesh units
    float cells;        // a mesh unit
    float u, v;         // cells
    float turned;       // has the sign of the cosine between normal and the direction to the viewer

    __device__ __forceinline__ bool faces_viewer() const { return ray.z > DEPTH_MIN && turned > 0.0f; }

    // Cells squared that a unit of area covers.
    __device__ __forceinline__ float area_scale() const { return turned * (cells * cells) / ray.z; }
};

__device__ __forceinline__ Placed place(const Placement& placement, const float* coordinates, u32 stride, u32 vertex) {
    Placed placed;
    placed.y = turn(placement, load_vector(coordinates, stride, POSITION, vertex));
    const Vector normal = turn(placement, load_vector(coordinates, stride, NORMAL, vertex));
    placed.ray = {fmaf(placement.nearness, placed.y.x, placement.slant[0]),
                  fmaf(placement.nearness, placed.y.y, placement.slant[1]),
                  fmaf(placement.nearness, placed.y.z, 1.0f)};
    placed.cells = placement.scale / placed.ray.z;
    placed.turned = -dot(normal, placed.ray);
    placed.right = placed.y.x - placement.slant[0] * placed.y.z;
    placed.down = placed.y.y - placement.slant[1] * placed.y.z;
    placed.u = fmaf(placed.cells, placed.right, placement.centre[0]);
    placed.v = fmaf(placed.cells, placed.down, placement.centre[1]);
    return placed;
}

constexpr u32 ALL_LANES = 0xffffffffu;

// The sum over a warp's lanes, in every lane.
__device__ __forceinline__ float total_of_warp(float value) {
    for (int stride = 16; stride > 0; stride /= 2) value += __shfl_xor_sync(ALL_LANES, value, stride);
    return value;
}
