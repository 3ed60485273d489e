#include "fiber.hpp"

#include <cstdint>

#if defined(__x86_64__)

// Pushes the registers that a function must keep, exchanges the stacks, and returns into the other fiber. A system call
// as in swapcontext would cost a hundred times more.
asm(R"(
    .text
    .p2align 4
    .type emulated_switch_stacks, @function
emulated_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulated_switch_stacks, .-emulated_switch_stacks
)");

extern "C" void emulated_switch_stacks(void** from, void* to);

namespace emulated {

void begin(Fiber& fiber, unsigned char* stack, std::size_t stack_bytes, void (*entry)()) {
    auto top = reinterpret_cast<std::uintptr_t>(stack + stack_bytes) & ~std::uintptr_t{15};
    auto* slots = reinterpret_cast<std::uintptr_t*>(top);
    // The first switch pops six registers and returns to `entry`, with the stack as a call would leave it.
    slots[-1] = 0;
    slots[-2] = reinterpret_cast<std::uintptr_t>(entry);
    for (int i = 3; i <= 8; i++) slots[-i] = 0;
    fiber.state = slots - 8;
}

void switch_fiber(Fiber& from, Fiber& to) { emulated_switch_stacks(&from.state, to.state); }

}  // namespace emulated

#else

#include <ucontext.h>

namespace emulated {

void begin(Fiber& fiber, unsigned char* stack, std::size_t stack_bytes, void (*entry)()) {
    // Lives on the fiber's own stack, at its far end.
    auto* context = new (stack) ucontext_t;
    getcontext(context);
    context->uc_stack.ss_sp = stack + sizeof(ucontext_t);
    context->uc_stack.ss_size = stack_bytes - sizeof(ucontext_t);
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
    fiber.state = context;
}

void switch_fiber(Fiber& from, Fiber& to) {
    static thread_local ucontext_t scheduler;
    if (from.state == nullptr) from.state = &scheduler;
    swapcontext(static_cast<ucontext_t*>(from.state), static_cast<ucontext_t*>(to.state));
}

}  // namespace emulated

#endif
