// The times of the large shapes, beside copies of as many bytes by the driver.
#pragma once
#include "device_memory.cuh"
#include "ops.h"

namespace selftest {

// Seconds of the fastest of some runs; a launch that is refused or fails ends the program.
template <class Launch>
double seconds(const char* what, Launch launch) {
  cudaEvent_t start, end;
  must(cudaEventCreate(&start), "cudaEventCreate");
  must(cudaEventCreate(&end), "cudaEventCreate");
  float best = 1e30f;
  for (int run = 0; run < 20; ++run) {
    float time;
    must(cudaEventRecord(start), "cudaEventRecord");
    must(launch(), what);
    must(cudaEventRecord(end), "cudaEventRecord");
    must(cudaEventSynchronize(end), what);
    must(cudaEventElapsedTime(&time, start, end), "cudaEventElapsedTime");
    best = std::min(best, time);
  }
  must(cudaEventDestroy(start), "cudaEventDestroy");
  must(cudaEventDestroy(end), "cudaEventDestroy");
  return best * 1e-3;
}

// Memory of the device alone. Its numbers are neither zero nor whole: a result of zeros would close every
// ReLU, and an offset without a fraction would need only one frame.
class Room {
 public:
  explicit Room(size_t bytes) {
    must(cudaMalloc(&at_, bytes), "cudaMalloc");
    must(cudaMemset(at_, 0x3c, bytes), "cudaMemset");
  }
  Room(const Room&) = delete;
  ~Room() { cudaFree(at_); }
  void* at() const { return at_; }

 private:
  void* at_ = nullptr;
};

// The driver's copy from device to device that reads and writes `bytes` in all.
inline double copy_seconds(size_t bytes) {
  Room from(bytes / 2), to(bytes / 2);
  return seconds("copy", [&] { return cudaMemcpyAsync(to.at(), from.at(), bytes / 2, cudaMemcpyDeviceToDevice); });
}

// One row of the table: what an operation reads and writes of maps, and its time. Weights, offsets and sums
// are not counted.
template <class Launch>
void report(const char* what, const std::string& map, size_t bytes, Launch launch) {
  double time = seconds(what, launch), copy = copy_seconds(bytes);
  std::printf("| %s | %s | %.0f | %.0f | %.0f %% |\n", what, map.c_str(), bytes / time / 1e9, bytes / copy / 1e9, 100 * copy / time);
}

// TAM with `taps` taps, plain and for pairs, forward and backward.
inline void aggregate_bandwidth(const TimeweaveShape& shape, size_t map, int64_t taps, const std::string& name) {
  for (int64_t pairs = 0; pairs < 2; ++pairs) {
    size_t outputs = 1 + pairs;
    Room x(map), grad_x(map), y0(map), y1(pairs ? map : 1), g0(map), g1(pairs ? map : 1);
    size_t weights = taps * shape.channels * sizeof(float);
    Room w(weights), grad_w(weights);
    TimeweaveAggregate a{shape, taps, pairs, x.at(), w.at(), {y0.at(), y1.at()}, {g0.at(), g1.at()}, grad_x.at(), nullptr, grad_w.at()};
    Room partial(8 * timeweave_cuda_aggregate_partial(&a));
    a.partial = static_cast<double*>(partial.at());
    std::string form = "aggregate " + std::to_string(taps) + (pairs ? " pairs" : "");
    report((form + " forward").c_str(), name, (1 + outputs) * map, [&] { return timeweave_cuda_aggregate_forward(&a, 0, nullptr); });
    report((form + " backward").c_str(), name, (2 + 2 * outputs) * map, [&] { return timeweave_cuda_aggregate_backward(&a, 0, nullptr); });
  }
}

// TSM; its gradient is the shift the other way.
inline void shift_bandwidth(const TimeweaveShape& shape, size_t map, int64_t width, const std::string& name) {
  int64_t fold = shape.channels / 8;
  Room x(map), y(map), edge(shape.clips * fold * shape.plane * width);
  auto timed = [&](const char* what, int64_t step, int64_t one_way, const void* outside) {
    TimeweaveShift a{shape, fold, step, one_way, width, x.at(), outside, y.at()};
    report(what, name, 2 * map, [&] { return timeweave_cuda_shift(&a, 0, nullptr); });
  };
  timed("shift forward", 1, 0, nullptr);
  timed("shift backward", -1, 0, nullptr);
  timed("shift online forward", -1, 1, edge.at());
  timed("shift online backward", 1, 1, nullptr);
}

// TIN with a quarter of the channels in four groups, as in the network.
inline void interlace_bandwidth(const TimeweaveShape& shape, size_t map, const std::string& name) {
  const int64_t groups = 4, fold = shape.channels / 4;
  size_t offsets = shape.clips * groups * sizeof(float), weights = offsets * shape.frames;
  Room x(map), y(map), grad(map), grad_x(map), o(offsets), w(weights), grad_o(offsets), grad_w(weights);
  TimeweaveInterlace a{shape, fold, groups, x.at(), o.at(), w.at(), y.at(), grad.at(), grad_x.at(), nullptr, grad_o.at(), grad_w.at()};
  Room partial(8 * timeweave_cuda_interlace_partial(&a));
  a.partial = static_cast<double*>(partial.at());
  report("interlace forward", name, 2 * map, [&] { return timeweave_cuda_interlace_forward(&a, 0, nullptr); });
  // Of the input only the channels that move are read.
  report("interlace backward", name, 2 * map + map / 4, [&] { return timeweave_cuda_interlace_backward(&a, 0, nullptr); });
}

// Maps large enough to leave the second-level cache behind.
inline void bandwidth(int dtype, size_t width, const char* type) {
  const int64_t shapes[][4] = {{32, 8, 256, 3136}, {64, 8, 1024, 196}, {128, 8, 2048, 49}, {16, 16, 64, 12544}};
  for (const auto& s : shapes)
    for (int last = 0; last < 2; ++last) {
      TimeweaveShape shape{s[0], s[1], s[2], s[3], last, dtype};
      size_t map = s[0] * s[1] * s[2] * s[3] * width;
      std::string name = std::to_string(s[0]) + "x" + std::to_string(s[1]) + " " + std::to_string(s[2]) + " channels " +
                         std::to_string(s[3]) + " positions " + type + (last ? " nhwc" : " nchw");
      for (int64_t taps : {3, 5}) aggregate_bandwidth(shape, map, taps, name);
      shift_bandwidth(shape, map, static_cast<int64_t>(width), name);
      interlace_bandwidth(shape, map, name);
    }
}

}  // namespace selftest
