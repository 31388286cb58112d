// The CUDA launches behind ops.h, on raw device pointers and a stream: neither libtorch nor its headers.
#include <cuda_runtime.h>

#include "grid.cuh"

namespace timeweave {
namespace {

template <class Kernel>
__global__ void __launch_bounds__(kThreads) kernel(typename Kernel::Args args) {
  extern __shared__ __align__(16) unsigned char memory[];
  auto* shared = reinterpret_cast<typename Kernel::A*>(memory);
  for (int phase = 0; phase < Kernel::phases; ++phase) {
    if (phase > 0) __syncthreads();
    Kernel::run(args, blockIdx.x, threadIdx.x, phase, shared);
  }
}

struct Stream {
  cudaStream_t stream;

  template <class Kernel>
  int run(const typename Kernel::Args& args, int64_t blocks, int64_t shared) const {
    if (blocks == 0) return cudaSuccess;
    if (blocks > INT32_MAX) return cudaErrorInvalidConfiguration;
    kernel<Kernel><<<static_cast<unsigned>(blocks), kThreads, shared * sizeof(typename Kernel::A), stream>>>(args);
    return cudaGetLastError();
  }

  int clear(void* to, int64_t bytes) const { return bytes == 0 ? cudaSuccess : cudaMemsetAsync(to, 0, bytes, stream); }
};

Grid<Stream> on(void* stream) { return {{static_cast<cudaStream_t>(stream)}}; }

}  // namespace
}  // namespace timeweave

extern "C" {
int timeweave_cuda_present(void) { return 1; }
const char* timeweave_cuda_error(int code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }
int64_t timeweave_cuda_aggregate_partial(const TimeweaveAggregate* a) { return timeweave::on(nullptr).aggregate_partial(*a); }
int timeweave_cuda_aggregate_forward(const TimeweaveAggregate* a, void* stream) { return timeweave::on(stream).aggregate_forward(*a); }
int timeweave_cuda_aggregate_backward(const TimeweaveAggregate* a, void* stream) { return timeweave::on(stream).aggregate_backward(*a); }
int timeweave_cuda_shift(const TimeweaveShift* a, void* stream) { return timeweave::on(stream).shift(*a); }
int64_t timeweave_cuda_interlace_partial(const TimeweaveInterlace* a) { return timeweave::on(nullptr).interlace_partial(*a); }
int timeweave_cuda_interlace_forward(const TimeweaveInterlace* a, void* stream) { return timeweave::on(stream).interlace_forward(*a); }
int timeweave_cuda_interlace_backward(const TimeweaveInterlace* a, void* stream) { return timeweave::on(stream).interlace_backward(*a); }
}
