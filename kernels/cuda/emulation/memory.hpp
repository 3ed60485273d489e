// Memory that ends at a page nobody may touch: reading or writing past the end stops the program there.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace emulated {

// What memory holds before anything is written. As a key it is nearer than any row, so that its use shows.
constexpr unsigned char UNWRITTEN = 0x11;

constexpr std::size_t PAGE_BYTES = 65536;

inline std::size_t whole_pages(std::size_t bytes) { return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES; }

inline std::size_t padded(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

// The end is exact to 16 bytes, which is also the alignment. Null when the system has no memory.
inline unsigned char* allocate_guarded(std::size_t bytes) {
    const std::size_t body = whole_pages(padded(bytes));
    void* pages = mmap(nullptr, body + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    auto* base = static_cast<unsigned char*>(pages);
    mprotect(base + body, PAGE_BYTES, PROT_NONE);
    unsigned char* start = base + body - padded(bytes);
    std::memset(start, UNWRITTEN, padded(bytes));
    return start;
}

inline void free_guarded(unsigned char* start, std::size_t bytes) {
    const std::size_t body = whole_pages(padded(bytes));
    munmap(start + padded(bytes) - body, body + PAGE_BYTES);
}

}  // namespace emulated
