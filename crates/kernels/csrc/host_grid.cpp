// The CUDA kernels run by the host, block after block and thread after thread, under the names of
// ops.h with `grid` for `cuda`. Only tests call it; a linker drops it elsewhere.
#include <cmath>
#include <limits>
#include <vector>

#include "grid.cuh"

namespace timeweave {
namespace {

// The blocks with which the next kernels begin, unless a test looks at a part of a map too large for any
// memory: none is left, and all blocks run.
thread_local std::vector<int64_t> starts;

struct Host {
  template <class Kernel>
  int run(const typename Kernel::Args& args, int64_t blocks, int64_t shared) const {
    using A = typename Kernel::A;
    std::vector<A> memory;
    int64_t first = 0;
    if (!starts.empty()) first = starts.front(), starts.erase(starts.begin());
    for (int64_t block = first; block < blocks; ++block) {
      // A sum that no thread left must not look like one.
      memory.assign(shared, std::numeric_limits<A>::quiet_NaN());
      for (int phase = 0; phase < Kernel::phases; ++phase)
        // In either direction: within a phase no thread may need what another one leaves.
        for (int turn = 0; turn < kThreads; ++turn)
          Kernel::run(args, block, block % 2 == 0 ? turn : kThreads - 1 - turn, phase, memory.data());
    }
    return 0;
  }

  int clear(void* to, int64_t bytes) const {
    if (bytes > 0) memset(to, 0, bytes);
    return 0;
  }
};

constexpr Grid<Host> host{};

}  // namespace
}  // namespace timeweave

extern "C" {
// The next `count` kernels that run on this thread begin with these blocks.
void timeweave_grid_start(const int64_t* first, int64_t count) { timeweave::starts.assign(first, first + count); }
int64_t timeweave_grid_aggregate_partial(const TimeweaveAggregate* a) { return timeweave::host.aggregate_partial(*a); }
int timeweave_grid_aggregate_forward(const TimeweaveAggregate* a) { return timeweave::host.aggregate_forward(*a); }
int timeweave_grid_aggregate_backward(const TimeweaveAggregate* a) { return timeweave::host.aggregate_backward(*a); }
int timeweave_grid_shift(const TimeweaveShift* a) { return timeweave::host.shift(*a); }
int64_t timeweave_grid_interlace_partial(const TimeweaveInterlace* a) { return timeweave::host.interlace_partial(*a); }
int timeweave_grid_interlace_forward(const TimeweaveInterlace* a) { return timeweave::host.interlace_forward(*a); }
int timeweave_grid_interlace_backward(const TimeweaveInterlace* a) { return timeweave::host.interlace_backward(*a); }
}
