// Compiled instead of cuda.cu where the feature `cuda` is off: the same names, which say so.
#include "ops.h"

namespace {
constexpr int absent = -1;
}

extern "C" {
int timeweave_cuda_present(void) { return 0; }
const char* timeweave_cuda_error(int) { return "built without CUDA kernels (cargo feature `cuda`)"; }
int64_t timeweave_cuda_aggregate_partial(const TimeweaveAggregate*) { return 0; }
int timeweave_cuda_aggregate_forward(const TimeweaveAggregate*, int, void*) { return absent; }
int timeweave_cuda_aggregate_backward(const TimeweaveAggregate*, int, void*) { return absent; }
int timeweave_cuda_shift(const TimeweaveShift*, int, void*) { return absent; }
int64_t timeweave_cuda_interlace_partial(const TimeweaveInterlace*) { return 0; }
int timeweave_cuda_interlace_forward(const TimeweaveInterlace*, int, void*) { return absent; }
int timeweave_cuda_interlace_backward(const TimeweaveInterlace*, int, void*) { return absent; }
}
