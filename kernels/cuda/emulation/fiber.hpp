// Threads that switch by hand: a stack each, and one at a time runs.
#pragma once

#include <cstddef>

namespace emulated {

// Where a fiber that does not run left off; its registers are on its stack.
struct Fiber {
    void* state = nullptr;
};

// Makes `fiber` begin with `entry`, which must never return, at the end of `stack`.
void begin(Fiber& fiber, unsigned char* stack, std::size_t stack_bytes, void (*entry)());

// Leaves `from` and runs `to` until something switches back.
void switch_fiber(Fiber& from, Fiber& to);

}  // namespace emulated
