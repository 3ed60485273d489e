// Matrix instructions, from the layouts that the PTX manual states for their operands ("Matrix Fragments for
// mma.m16n8k16" and "mma.m16n8k32"), not from the way in which the kernels use them.
#pragma once

// Element (row, column) of the 16 x (8 S) operand `a`, `S` elements a register: which lane, register and place hold it.
template <u32 S>
struct PlaceInA {
    u32 lane, word, element;
    PlaceInA(u32 row, u32 column)
        : lane(row % 8 * 4 + column % (4 * S) / S), word(row / 8 + column / (4 * S) * 2), element(column % S) {}
};

// The same for the (8 S) x 8 operand `b`.
template <u32 S>
struct PlaceInB {
    u32 lane, word, element;
    PlaceInB(u32 row, u32 column) : lane(column * 4 + row % (4 * S) / S), word(4 + row / (4 * S)), element(row % S) {}
};

// Calls `add(a, b, place)` for the 8 S products of each of this lane's four sums, elements as bits.
template <u32 S, class Add>
inline void for_each_product(const emulated::Parcel* lanes, Add add) {
    constexpr u32 BITS = 32 / S;
    constexpr u32 MASK = (1u << BITS) - 1;
    const u32 lane = own_lane();
    for (u32 i = 0; i < 4; i++) {
        const u32 row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        for (u32 k = 0; k < 8 * S; k++) {
            const PlaceInA<S> a(row, k);
            const PlaceInB<S> b(k, column);
            add(lanes[a.lane].words[a.word] >> BITS * a.element & MASK,
                lanes[b.lane].words[b.word] >> BITS * b.element & MASK, i);
        }
    }
}

// Adds four products to a sum as the coarsest of tensor cores do: every addend is cut at the last bit that the largest of
// them has in single precision, and so is the result. The filter's proof allows for as much and no more.
inline float add_cutting(float sum, const double (&products)[4]) {
    double largest = std::fabs(static_cast<double>(sum));
    for (double product : products) largest = std::fmax(largest, std::fabs(product));
    if (!(largest > 0.0) || !std::isfinite(largest))
        return static_cast<float>(sum + products[0] + products[1] + products[2] + products[3]);
    int exponent;
    std::frexp(largest, &exponent);
    const double unit = std::ldexp(1.0, exponent - 24), per_unit = std::ldexp(1.0, 24 - exponent);
    double total = std::trunc(sum * per_unit);
    for (double product : products) total += std::trunc(product * per_unit);
    total *= unit;
    const float nearest = static_cast<float>(total);
    return std::fabs(static_cast<double>(nearest)) > std::fabs(total) ? std::nextafter(nearest, 0.0f) : nearest;
}

inline void multiply_halves_16_8_16(float (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    const emulated::Parcel own = {{a0, a1, a2, a3, b0, b1}};
    const emulated::Parcel* lanes = emulated::meet("mma.f16", ~0u, own);
    double products[4][4];
    u32 counts[4] = {};
    for_each_product<2>(lanes, [&](u32 a, u32 b, u32 i) {
        products[i][counts[i]++] = static_cast<double>(widen_half(a)) * static_cast<double>(widen_half(b));
        if (counts[i] == 4) sums[i] = add_cutting(sums[i], products[i]), counts[i] = 0;
    });
}

inline void multiply_bytes_16_8_32(int (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    const emulated::Parcel own = {{a0, a1, a2, a3, b0, b1}};
    const emulated::Parcel* lanes = emulated::meet("mma.s8", ~0u, own);
    for_each_product<4>(
        lanes, [&](u32 a, u32 b, u32 i) { sums[i] += static_cast<signed char>(a) * static_cast<signed char>(b); });
}

// Turing's smaller ones have the layout of the first registers of the large ones.
inline void multiply_halves_16_8_8(float (&sums)[4], u32 a0, u32 a1, u32 b0) {
    multiply_halves_16_8_16(sums, a0, a1, 0, 0, b0, 0);
}

inline void multiply_bytes_8_8_16(int& sum0, int& sum1, u32 a0, u32 b0) {
    int sums[4] = {sum0, sum1, 0, 0};
    multiply_bytes_16_8_32(sums, a0, 0, 0, 0, b0, 0);
    sum0 = sums[0], sum1 = sums[1];
}
