// The device code of an operation, EMULATED_SOURCE, for this processor. top_k.cu is compiled as it is, with the matrix
// instructions of Turing, and with a barrier missing; EMULATED_NAMESPACE keeps all compilations apart.
#define CUDA_EMULATED

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

// Outside the namespace: shared by all, or of the system.
#include "fiber.hpp"
#include "memory.hpp"

namespace EMULATED_NAMESPACE {
namespace emulated {
using ::emulated::allocate_guarded;
using ::emulated::begin;
using ::emulated::Fiber;
using ::emulated::free_guarded;
using ::emulated::switch_fiber;
using ::emulated::UNWRITTEN;
}  // namespace emulated
#include EMULATED_SOURCE
}  // namespace EMULATED_NAMESPACE

using namespace EMULATED_NAMESPACE;

#define JOINED(a, b) a##b
#define NAMED(space, suffix) JOINED(space, suffix)

// The kernel of this name, or null.
extern "C" const void* NAMED(EMULATED_NAMESPACE, _find)(const char* name) {
    for (const Registration* kernel = Registration::first(); kernel != nullptr; kernel = kernel->next) {
        if (std::strcmp(kernel->name, name) == 0) return kernel;
    }
    return nullptr;
}

// Runs a kernel to its end; returns what went wrong, or null.
extern "C" const char* NAMED(EMULATED_NAMESPACE, _launch)(const void* found, u32 grid_x, u32 grid_y, u32 threads,
                                                          u32 shared_bytes, std::uint64_t seed,
                                                          const Arguments* arguments) {
    const auto* kernel = static_cast<const Registration*>(found);
    if (threads != kernel->threads) return "another number of threads than the kernel was made for";
    return EMULATED_NAMESPACE::emulated::launch({grid_x, grid_y}, threads, shared_bytes, seed,
                                                [&] { kernel->kernel(*arguments); });
}

extern "C" unsigned char* NAMED(EMULATED_NAMESPACE, _allocate)(std::size_t bytes) {
    return ::emulated::allocate_guarded(bytes);
}
extern "C" void NAMED(EMULATED_NAMESPACE, _free)(unsigned char* start, std::size_t bytes) {
    ::emulated::free_guarded(start, bytes);
}
