// CUDA's words for a C++ compiler: what machine.cuh and the kernels use, and no more.
#pragma once

#include "block.hpp"

#define __device__
#define __forceinline__ inline
#ifndef MATRIX_GENERATION
#define MATRIX_GENERATION 80
#endif
#define KERNEL(name, threads, blocks)                                       \
    static void name(const Arguments);                                      \
    static const Registration registration_of_##name{#name, threads, name}; \
    static void name
#define SHARED_BYTES(name) u8* name = emulated::running->shared

#define threadIdx (emulated::Index{emulated::running->current, 0})
#define blockIdx (emulated::running->block)
#define blockDim (emulated::Index{emulated::running->thread_count, 1})
#define gridDim (emulated::running->grid)

struct alignas(16) uint4 {
    u32 x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint4 make_uint4(u32 x, u32 y, u32 z, u32 w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

template <class To, class From>
inline To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "bits are kept");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}
inline u32 __float_as_uint(float value) { return same_bits<u32>(value); }
inline float __uint_as_float(u32 bits) { return same_bits<float>(bits); }
inline float __int_as_float(int bits) { return same_bits<float>(bits); }

inline int __popc(u32 bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline u32 min(u32 a, u32 b) { return a < b ? a : b; }
inline uint4 __ldg(const uint4* source) { return *source; }
inline const uint4* opaque(const uint4* pointer) { return pointer; }
inline uint4 load_streaming(const uint4* source) { return *source; }
inline float approximate_root(float value) { return std::sqrt(value); }
inline float fmaf(float a, float b, float c) { return std::fma(a, b, c); }
inline float sqrtf(float value) { return std::sqrt(value); }
inline float rintf(float value) { return std::nearbyint(value); }
inline float fabsf(float value) { return std::fabs(value); }
inline float fminf(float a, float b) { return std::fmin(a, b); }
inline float fmaxf(float a, float b) { return std::fmax(a, b); }

inline float widen_half(u32 bits) { return static_cast<float>(same_bits<_Float16>(static_cast<std::uint16_t>(bits))); }
inline u32 narrow_half(float value) { return same_bits<std::uint16_t>(static_cast<_Float16>(value)); }
inline void widen(u32 halves, float& low, float& high) {
    low = widen_half(halves & 0xffff), high = widen_half(halves >> 16);
}
inline u32 narrow(float low, float high) { return narrow_half(low) | narrow_half(high) << 16; }

inline u32 atomicAdd(u32* place, u32 value) {
    const u32 before = *place;
    *place += value;
    return before;
}

inline void __syncthreads() { emulated::wait_for_block(); }

template <class T>
inline emulated::Parcel parcel_of(T value) {
    emulated::Parcel parcel = {};
    std::memcpy(parcel.words, &value, sizeof value);
    return parcel;
}
template <class T>
inline T unpacked(const emulated::Parcel& parcel) {
    T value;
    std::memcpy(&value, parcel.words, sizeof value);
    return value;
}
inline void __syncwarp() { emulated::meet("syncwarp", ~0u, {}); }
inline u32 own_lane() { return emulated::running->current % emulated::LANES; }

template <class T>
inline T __shfl_sync(u32 mask, T value, int source) {
    return unpacked<T>(emulated::meet("shfl", mask, parcel_of(value))[source & 31]);
}
template <class T>
inline T __shfl_xor_sync(u32 mask, T value, int flips) {
    const u32 lane = own_lane();
    return unpacked<T>(emulated::meet("shfl_xor", mask, parcel_of(value))[lane ^ static_cast<u32>(flips)]);
}
template <class T>
inline T __shfl_up_sync(u32 mask, T value, u32 distance) {
    const u32 lane = own_lane();
    return unpacked<T>(emulated::meet("shfl_up", mask, parcel_of(value))[lane < distance ? lane : lane - distance]);
}
inline u32 __ballot_sync(u32 mask, bool vote) {
    const emulated::Parcel* votes = emulated::meet("ballot", mask, parcel_of<u32>(vote));
    u32 result = 0;
    for (u32 lane = 0; lane < emulated::LANES; lane++) result |= votes[lane].words[0] << lane;
    return result;
}

#include "matrix.hpp"

// Kernels by name.
struct Arguments;
struct Registration {
    const char* name;
    u32 threads;
    void (*kernel)(const Arguments);
    const Registration* next;

    static const Registration*& first() {
        static const Registration* first = nullptr;
        return first;
    }

    Registration(const char* name, u32 threads, void (*kernel)(const Arguments))
        : name(name), threads(threads), kernel(kernel), next(first()) {
        first() = this;
    }
};
