// The structures and C functions that the C++ part shares with Rust (src/cpu, src/ffi.rs) and with
// the CUDA part. Nothing here knows libtorch.
#pragma once
#include <cstdint>

extern "C" {

// Element types; sums are kept in double for F64 and in float for the others.
enum TimeweaveDtype { TIMEWEAVE_F32 = 0, TIMEWEAVE_BF16 = 1, TIMEWEAVE_F64 = 2, TIMEWEAVE_F16 = 3 };

// A batch of clips, frame after frame; see Shape in src/cpu/shape.rs.
struct TimeweaveShape {
  int64_t clips, frames, channels, plane;
  int32_t channels_last, dtype;
};

// See Aggregate in src/cpu/aggregate.rs.
struct TimeweaveAggregate {
  TimeweaveShape shape;
  int64_t taps, pairs;
  const void* x;
  const void* weights;
  void* y[2];
  const void* grad[2];
  void* grad_x;
  double* partial;
  void* grad_weights;
};

// See Shift in src/cpu/shift.rs.
struct TimeweaveShift {
  TimeweaveShape shape;
  int64_t fold, step, one_way, width;
  const void* x;
  const void* edge;
  void* y;
};

// See Interlace in src/cpu/interlace.rs.
struct TimeweaveInterlace {
  TimeweaveShape shape;
  int64_t fold, groups;
  const void* x;
  const void* offsets;
  const void* weights;
  void* y;
  const void* grad;
  void* grad_x;
  double* partial;
  void* grad_offsets;
  void* grad_weights;
};

// The loops in Rust; each runs the tasks [first, last) and returns 0 on success.
int64_t timeweave_cpu_aggregate_tasks(const TimeweaveAggregate*);
int64_t timeweave_cpu_aggregate_partial(const TimeweaveAggregate*);
int timeweave_cpu_aggregate_forward(const TimeweaveAggregate*, int64_t first, int64_t last);
int timeweave_cpu_aggregate_backward(const TimeweaveAggregate*, int64_t first, int64_t last);
int timeweave_cpu_aggregate_finish(const TimeweaveAggregate*);
int64_t timeweave_cpu_shift_tasks(const TimeweaveShift*);
int timeweave_cpu_shift(const TimeweaveShift*, int64_t first, int64_t last);
int64_t timeweave_cpu_interlace_tasks(const TimeweaveInterlace*);
int64_t timeweave_cpu_interlace_partial(const TimeweaveInterlace*);
int timeweave_cpu_interlace_forward(const TimeweaveInterlace*, int64_t first, int64_t last);
int timeweave_cpu_interlace_backward(const TimeweaveInterlace*, int64_t first, int64_t last);
int timeweave_cpu_interlace_finish(const TimeweaveInterlace*);

// The CUDA launches (cuda.cu), on device pointers and a cudaStream_t; 0 on success, else the
// cudaError_t. `partial` holds as many doubles as the *_partial function says. A build without
// nvcc has the same names (cuda_absent.cpp), and timeweave_cuda_present() says 0.
int timeweave_cuda_present(void);
const char* timeweave_cuda_error(int code);
int64_t timeweave_cuda_aggregate_partial(const TimeweaveAggregate*);
int timeweave_cuda_aggregate_forward(const TimeweaveAggregate*, void* stream);
int timeweave_cuda_aggregate_backward(const TimeweaveAggregate*, void* stream);
int timeweave_cuda_shift(const TimeweaveShift*, void* stream);
int64_t timeweave_cuda_interlace_partial(const TimeweaveInterlace*);
int timeweave_cuda_interlace_forward(const TimeweaveInterlace*, void* stream);
int timeweave_cuda_interlace_backward(const TimeweaveInterlace*, void* stream);
}
