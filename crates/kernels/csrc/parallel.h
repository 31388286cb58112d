// Runs numbered tasks on libtorch's own threads.
#pragma once
#include <cstdint>

namespace timeweave {

// Calls `body(context, first, last)` for ranges that together are [0, tasks). `bytes` is the
// memory that all tasks touch: little work stays on the calling thread. Returns the first result
// that is not 0.
int parallel(int64_t tasks, int64_t bytes, int (*body)(const void*, int64_t, int64_t), const void* context);

}  // namespace timeweave
