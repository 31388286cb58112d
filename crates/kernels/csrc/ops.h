/* The C interface of the kernels on raw pointers: neither libtorch nor its headers are needed.
 *
 * A program without libtorch compiles cuda.cu with nvcc (every file it includes lies beside it), includes
 * this header from C or C++, and links the object and CUDA's runtime:
 *
 *   nvcc -O3 -std=c++17 -gencode arch=compute_90,code=sm_90 -c cuda.cu
 *
 *   struct TimeweaveShift args = {{clips, frames, channels, height * width, 0, TIMEWEAVE_F32},
 *                                 channels / 8, 1, 0, sizeof(float), x, NULL, y};
 *   int code = timeweave_cuda_shift(&args, device, stream);
 *   if (code != 0) fputs(timeweave_cuda_error(code), stderr);
 *
 * Maps are [clips * frames, channels, height, width], dense, channel by channel (NCHW) or position by
 * position (NHWC), all maps of a call alike; plane = height * width. Sizes may be zero, counts are 64 bits
 * wide, and no address need be aligned to more than an element. Taps, offsets, weights and their gradients
 * are in the type of sums: double for TIMEWEAVE_F64, else float. An operation reads nothing but its inputs
 * and writes nothing but its outputs, which must not overlap inputs.
 *
 * The shapes are the caller's promise, nothing here can check them: fold <= channels (2 * fold for the shift
 * that is not one_way), fold a multiple of groups, taps and groups at least 1.
 *
 * A launch returns at once and works in the order of its stream; `device` is the ordinal on which pointers
 * and stream live, and is current only during the call. The sums have one order, so that equal inputs give
 * equal bits.
 */
#ifndef TIMEWEAVE_OPS_H
#define TIMEWEAVE_OPS_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum TimeweaveDtype { TIMEWEAVE_F32 = 0, TIMEWEAVE_BF16 = 1, TIMEWEAVE_F64 = 2, TIMEWEAVE_F16 = 3 };

/* A batch of clips, frame after frame; Shape in src/cpu/shape.rs. `dtype` is a TimeweaveDtype. */
struct TimeweaveShape {
  int64_t clips, frames, channels, plane;
  int32_t channels_last, dtype;
};

/* y[t] = ReLU(sum_j taps[j] x[t + j - taps / 2]); Aggregate in src/cpu/aggregate.rs.
 *
 * In the pair form (`pairs` = 1) frames 2k and 2k + 1 of the clip share map k of `x`, `shape.frames` counts
 * maps, y[0] takes the even frames and y[1] the odd ones; else only y[0] and grad[0] are used. Forward reads
 * x and weights [taps, channels] and writes y. Backward reads x, weights, y and the upstream gradients grad
 * and writes grad_x and grad_weights; `partial` is room for as many doubles as the *_partial function says.
 */
struct TimeweaveAggregate {
  struct TimeweaveShape shape;
  int64_t taps, pairs;
  const void* x;
  const void* weights;
  void* y[2];
  const void* grad[2];
  void* grad_x;
  double* partial;
  void* grad_weights;
};

/* Channels [0, fold) of y[t] are those of x[t + step]; unless `one_way`, channels [fold, 2 fold) are those of
 * x[t - step]; the others stay; Shift in src/cpu/shift.rs. Beyond the clip the first fold channels are `edge`
 * [clips, fold, plane], or zero where it is null, and the others zero. `width` is the bytes of an element: 2,
 * 4 or 8; the type does not matter. The gradient is the shift with -step.
 */
struct TimeweaveShift {
  struct TimeweaveShape shape;
  int64_t fold, step, one_way, width;
  const void* x;
  const void* edge;
  void* y;
};

/* y[t] = w[t] ((1 - f) x[t - b] + f x[t - b - 1]) with b = floor(o), f = o - b for each group of the first
 * fold channels; the others stay; Interlace in src/cpu/interlace.rs. Offsets are [clips, groups], weights
 * [clips, frames, groups]; a group whose offset is NaN or infinite becomes NaN. Backward reads x, offsets,
 * weights and grad and writes the three gradients; `partial` as above.
 */
struct TimeweaveInterlace {
  struct TimeweaveShape shape;
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

/* The CUDA kernels, on device pointers; `stream` is a cudaStream_t. 0 on success, else a cudaError_t, of
 * which timeweave_cuda_error gives the text. A build without nvcc has the same names (cuda_absent.cpp):
 * timeweave_cuda_present() is 0 there, and every launch fails. `partial` need not be initialised, and its
 * length depends on the addresses of the maps too: they are to be filled in first. */
int timeweave_cuda_present(void);
const char* timeweave_cuda_error(int code);
int64_t timeweave_cuda_aggregate_partial(const struct TimeweaveAggregate* args);
int timeweave_cuda_aggregate_forward(const struct TimeweaveAggregate* args, int device, void* stream);
int timeweave_cuda_aggregate_backward(const struct TimeweaveAggregate* args, int device, void* stream);
int timeweave_cuda_shift(const struct TimeweaveShift* args, int device, void* stream);
int64_t timeweave_cuda_interlace_partial(const struct TimeweaveInterlace* args);
int timeweave_cuda_interlace_forward(const struct TimeweaveInterlace* args, int device, void* stream);
int timeweave_cuda_interlace_backward(const struct TimeweaveInterlace* args, int device, void* stream);

/* The loops of the CPU, in Rust (src/cpu/export.rs), on host pointers; no TIMEWEAVE_F16. The *_tasks function
 * says how many tasks there are, each call runs [first, last) of them on the calling thread, several threads
 * may run different ones, and after all of them *_finish makes the gradients that are sums (that of the
 * aggregation in tasks of its own). `partial` must be zero at first (not that of the aggregation). 0 on
 * success. */
int64_t timeweave_cpu_aggregate_tasks(const struct TimeweaveAggregate* args);
int64_t timeweave_cpu_aggregate_partial(const struct TimeweaveAggregate* args);
int timeweave_cpu_aggregate_forward(const struct TimeweaveAggregate* args, int64_t first, int64_t last);
int timeweave_cpu_aggregate_backward(const struct TimeweaveAggregate* args, int64_t first, int64_t last);
int64_t timeweave_cpu_aggregate_finish_tasks(const struct TimeweaveAggregate* args);
int timeweave_cpu_aggregate_finish(const struct TimeweaveAggregate* args, int64_t first, int64_t last);
int64_t timeweave_cpu_shift_tasks(const struct TimeweaveShift* args);
int timeweave_cpu_shift(const struct TimeweaveShift* args, int64_t first, int64_t last);
int64_t timeweave_cpu_interlace_tasks(const struct TimeweaveInterlace* args);
int64_t timeweave_cpu_interlace_partial(const struct TimeweaveInterlace* args);
int timeweave_cpu_interlace_forward(const struct TimeweaveInterlace* args, int64_t first, int64_t last);
int timeweave_cpu_interlace_backward(const struct TimeweaveInterlace* args, int64_t first, int64_t last);
int timeweave_cpu_interlace_finish(const struct TimeweaveInterlace* args);

#ifdef __cplusplus
}
#endif
#endif
