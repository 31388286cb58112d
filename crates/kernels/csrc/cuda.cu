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

// Launches with `device` current. This library's runtime is its own copy, which does not see what other
// copies in the process have made current.
template <class Launch>
int on(int device, void* stream, Launch launch) {
  int before;
  cudaError_t code = cudaGetDevice(&before);
  if (code == cudaSuccess && before != device) code = cudaSetDevice(device);
  if (code != cudaSuccess) return code;
  int launched = launch(Grid<Stream>{{static_cast<cudaStream_t>(stream)}});
  if (before != device) code = cudaSetDevice(before);
  return launched != cudaSuccess ? launched : code;
}

}  // namespace
}  // namespace timeweave

using timeweave::Grid;
using timeweave::on;
using timeweave::Stream;

extern "C" {

int timeweave_cuda_present(void) { return 1; }

const char* timeweave_cuda_error(int code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }

int64_t timeweave_cuda_aggregate_partial(const TimeweaveAggregate* args) { return Grid<Stream>::aggregate_partial(*args); }

int timeweave_cuda_aggregate_forward(const TimeweaveAggregate* args, int device, void* stream) {
  return on(device, stream, [&](const Grid<Stream>& grid) { return grid.aggregate_forward(*args); });
}

int timeweave_cuda_aggregate_backward(const TimeweaveAggregate* args, int device, void* stream) {
  return on(device, stream, [&](const Grid<Stream>& grid) { return grid.aggregate_backward(*args); });
}

int timeweave_cuda_shift(const TimeweaveShift* args, int device, void* stream) {
  return on(device, stream, [&](const Grid<Stream>& grid) { return grid.shift(*args); });
}

int64_t timeweave_cuda_interlace_partial(const TimeweaveInterlace* args) { return Grid<Stream>::interlace_partial(*args); }

int timeweave_cuda_interlace_forward(const TimeweaveInterlace* args, int device, void* stream) {
  return on(device, stream, [&](const Grid<Stream>& grid) { return grid.interlace_forward(*args); });
}

int timeweave_cuda_interlace_backward(const TimeweaveInterlace* args, int device, void* stream) {
  return on(device, stream, [&](const Grid<Stream>& grid) { return grid.interlace_backward(*args); });
}
}
