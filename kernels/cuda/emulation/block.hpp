// One block of threads: a fiber each, in warps, that run in an order of chance between their meeting points.
//
// Found are: lanes of a warp that meet in different operations or with different masks, threads that wait for others
// that never come, and, by their effect on results, missing barriers: which warp runs next, for how long, and the order
// of its lanes are drawn anew all the time, and memory starts with values that win. Not found: reordering of memory
// accesses within a thread, and more than one block at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>

#include "fiber.hpp"
#include "memory.hpp"

namespace emulated {
namespace {

constexpr unsigned LANES = 32, THREADS_MAX = 1024, STACK_BYTES = 65536;

// What lanes hand each other at a meeting point of their warp.
struct Parcel {
    std::uint32_t words[8];
};

struct Warp {
    // Of this meeting and the one before, which slow lanes still read.
    Parcel parcels[2][LANES];
    unsigned meeting = 0, arrived_mask = 0, alive_mask = 0;
    const char* operation = nullptr;
};

struct Thread {
    Fiber fiber;
    bool alive = false, at_barrier = false;
    // The meeting that must be over before this thread goes on.
    unsigned awaited_meeting = 0;
};

struct Index {
    unsigned x, y;
};

struct Block {
    Fiber scheduler;
    Thread threads[THREADS_MAX];
    Warp warps[THREADS_MAX / LANES];
    unsigned char* stacks = nullptr;
    unsigned char* shared = nullptr;
    unsigned current = 0, thread_count = 0, alive_count = 0, barrier_count = 0;
    Index block, grid;
    std::uint64_t chance = 1;
    const char* fault = nullptr;
    const std::function<void()>* body = nullptr;
};

// Read at every step: the model spares a call, and holds wherever the code is linked into a program.
__attribute__((tls_model("initial-exec"))) thread_local Block* running = nullptr;

// xorshift64 (Marsaglia, "Xorshift RNGs", 2003).
unsigned chance(Block& block, unsigned end) {
    block.chance ^= block.chance << 13;
    block.chance ^= block.chance >> 7;
    block.chance ^= block.chance << 17;
    return static_cast<unsigned>(block.chance >> 33) % end;
}

void pause() { switch_fiber(running->threads[running->current].fiber, running->scheduler); }

// Ends the launch; does not return.
void fail(const char* fault) {
    if (running->fault == nullptr) running->fault = fault;
    for (;;) pause();
}

void open_barrier_if_all_came(Block& block) {
    if (block.alive_count == 0 || block.barrier_count != block.alive_count) return;
    block.barrier_count = 0;
    for (unsigned i = 0; i < block.thread_count; i++) block.threads[i].at_barrier = false;
}

void wait_for_block() {
    Thread& self = running->threads[running->current];
    self.at_barrier = true;
    running->barrier_count++;
    open_barrier_if_all_came(*running);
    while (self.at_barrier) pause();
}

// Waits until all lanes in `mask` came to the same operation, and returns what they brought.
const Parcel* meet(const char* operation, unsigned mask, const Parcel& parcel) {
    Block& block = *running;
    Warp& warp = block.warps[block.current / LANES];
    const unsigned lane = block.current % LANES;
    if (mask != ~0u) fail("a warp operation without all lanes in its mask");
    if (warp.alive_mask != ~0u) fail("a warp operation after lanes have ended");
    if (warp.arrived_mask == 0) warp.operation = operation;
    // Literals of one file: the same operation is the same pointer or the same text.
    if (warp.operation != operation && std::strcmp(warp.operation, operation) != 0)
        fail("lanes of a warp meet in different operations");
    const unsigned meeting = warp.meeting;
    warp.parcels[meeting % 2][lane] = parcel;
    warp.arrived_mask |= 1u << lane;
    if (warp.arrived_mask == mask) {
        warp.arrived_mask = 0;
        warp.meeting++;
    }
    block.threads[block.current].awaited_meeting = meeting + 1;
    while (warp.meeting == meeting) pause();
    return warp.parcels[meeting % 2];
}

void run_thread() {
    Block& block = *running;
    (*block.body)();
    block.threads[block.current].alive = false;
    block.warps[block.current / LANES].alive_mask &= ~(1u << block.current % LANES);
    block.alive_count--;
    open_barrier_if_all_came(block);
    for (;;) pause();
}

bool can_run(const Block& block, unsigned index) {
    const Thread& thread = block.threads[index];
    const Warp& warp = block.warps[index / LANES];
    return thread.alive && !thread.at_barrier && static_cast<int>(warp.meeting - thread.awaited_meeting) >= 0;
}

// Lets every lane of a warp that can run do so until it next waits; returns whether one could.
bool run_warp_once(Block& block, unsigned warp) {
    bool ran = false;
    const unsigned turn = chance(block, LANES), backwards = chance(block, 2);
    for (unsigned i = 0; i < LANES && block.fault == nullptr; i++) {
        const unsigned lane = ((backwards ? LANES - 1 - i : i) + turn) % LANES, index = warp * LANES + lane;
        if (!can_run(block, index)) continue;
        block.current = index;
        switch_fiber(block.scheduler, block.threads[index].fiber);
        ran = true;
    }
    return ran;
}

void run_block(Block& block) {
    const unsigned warp_count = block.thread_count / LANES;
    block.alive_count = block.thread_count;
    block.barrier_count = 0;
    for (unsigned warp = 0; warp < warp_count; warp++) {
        block.warps[warp].meeting = block.warps[warp].arrived_mask = 0;
        block.warps[warp].alive_mask = ~0u;
    }
    for (unsigned i = 0; i < block.thread_count; i++) {
        block.threads[i] = Thread{};
        block.threads[i].alive = true;
        begin(block.threads[i].fiber, block.stacks + static_cast<std::size_t>(i) * STACK_BYTES, STACK_BYTES,
              run_thread);
    }
    unsigned idle_count = 0;
    while (block.alive_count > 0 && block.fault == nullptr) {
        const unsigned first = chance(block, warp_count);
        unsigned warp = first;
        unsigned burst = 1 + chance(block, 24);
        while (burst > 0 && run_warp_once(block, warp)) burst--, idle_count = 0;
        if (burst > 0 && ++idle_count > 64 * warp_count) {
            // Chance may have missed a warp: ask them all before calling it a deadlock.
            bool ran = false;
            for (warp = 0; warp < warp_count; warp++) ran |= run_warp_once(block, warp);
            if (!ran && block.alive_count > 0 && block.fault == nullptr)
                block.fault = "threads wait for others that never come";
            idle_count = 0;
        }
    }
}

// Runs `body` as every thread of every block; returns what went wrong, or null.
const char* launch(Index grid, unsigned thread_count, std::size_t shared_bytes, std::uint64_t seed,
                   const std::function<void()>& body) {
    if (thread_count == 0 || thread_count > THREADS_MAX || thread_count % LANES != 0)
        return "a block is not made of whole warps";
    if (shared_bytes > 48 * 1024) return "more shared memory than every device has";
    // A block's state and stacks serve all launches of an OS thread.
    static thread_local Block block;
    if (block.stacks == nullptr) block.stacks = allocate_guarded(static_cast<std::size_t>(THREADS_MAX) * STACK_BYTES);
    block.shared = allocate_guarded(shared_bytes);
    if (block.stacks == nullptr || block.shared == nullptr) return "no memory";
    block.thread_count = thread_count;
    block.grid = grid;
    block.chance = (seed * 2 + 1) * 0x9e3779b97f4a7c15ull;
    block.fault = nullptr;
    block.body = &body;
    running = &block;
    const unsigned block_count = grid.x * grid.y;
    const bool backwards = chance(block, 2) != 0;
    for (unsigned i = 0; i < block_count && block.fault == nullptr; i++) {
        const unsigned index = backwards ? block_count - 1 - i : i;
        block.block = {index % grid.x, index / grid.x};
        std::memset(block.shared, UNWRITTEN, shared_bytes);
        run_block(block);
    }
    running = nullptr;
    free_guarded(block.shared, shared_bytes);
    return block.fault;
}

}  // namespace
}  // namespace emulated
