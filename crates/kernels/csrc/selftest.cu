// A self-contained test and bandwidth program for a machine with a GPU and its driver, nothing else:
//
//   nvcc -O3 -std=c++17 -arch=native selftest.cu -o selftest && ./selftest
//
// Without a GPU beside nvcc, -arch=sm_90 or the like instead of native.
// It runs every kernel on the device and the same bodies on the host, compares the results, repeats the
// backward kernels to see that their sums are deterministic, and times the large shapes beside a device
// copy of the same bytes. The exit status is 0 only if every comparison held.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda.cu"
#include "host_grid.cpp"

namespace {

int failures = 0;

void must(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(code));
  std::exit(2);
}

// The same bytes on host and device.
struct Memory {
  std::vector<unsigned char> host, back;
  void* device = nullptr;
  explicit Memory(size_t bytes) : host(bytes), back(bytes) { must(cudaMalloc(&device, bytes + 16), "cudaMalloc"); }
  Memory(const Memory&) = delete;
  ~Memory() { cudaFree(device); }
  void up() { must(cudaMemcpy(device, host.data(), host.size(), cudaMemcpyHostToDevice), "copy to the device"); }
  void down() { must(cudaMemcpy(back.data(), device, back.size(), cudaMemcpyDeviceToHost), "copy from the device"); }
};

uint64_t seed = 1;

double uniform() {
  seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<double>(seed >> 40) / (1 << 23) - 1;
}

template <class T>
void fill(Memory& memory) {
  for (size_t i = 0; i < memory.host.size() / sizeof(T); ++i)
    timeweave::narrow(static_cast<typename timeweave::Sums<T>::type>(uniform()), reinterpret_cast<T*>(memory.host.data())[i]);
  memory.up();
}

template <class T>
void compare(Memory& memory, const char* what, double tolerance) {
  memory.down();
  double worst = 0, most = 0;
  for (size_t i = 0; i < memory.host.size() / sizeof(T); ++i) {
    double a = timeweave::widen(reinterpret_cast<const T*>(memory.back.data())[i]);
    double b = timeweave::widen(reinterpret_cast<const T*>(memory.host.data())[i]);
    if (!(std::fabs(a - b) <= worst)) worst = std::fabs(a - b);
    most = std::max(most, std::fabs(b));
  }
  if (worst <= tolerance * (1 + most)) return;
  std::printf("FAILED %s: differs by %g of %g\n", what, worst, most);
  ++failures;
}

// Runs `launch` again and expects the same bits in `memory`.
template <class Launch>
void repeat(Memory& memory, const char* what, Launch launch) {
  memory.down();
  std::vector<unsigned char> first = memory.back;
  launch();
  memory.down();
  if (first == memory.back) return;
  std::printf("FAILED %s: two runs differ\n", what);
  ++failures;
}

void check(int code, const char* what) {
  must(static_cast<cudaError_t>(code), what);
  must(cudaDeviceSynchronize(), what);
}

template <class T>
double tolerance() { return sizeof(T) == 8 ? 1e-12 : sizeof(T) == 4 ? 2e-5 : 1e-2; }

template <class T>
void aggregate(TimeweaveShape shape, int64_t taps, int64_t pairs) {
  using A = typename timeweave::Sums<T>::type;
  size_t map = shape.clips * shape.frames * shape.channels * shape.plane * sizeof(T);
  Memory x(map), y0(map), y1(map), g0(map), g1(map), gx(map), w(taps * shape.channels * sizeof(A)), gw(w.host.size());
  fill<T>(x), fill<T>(g0), fill<T>(g1), fill<A>(w);
  TimeweaveAggregate host{shape, taps, pairs, x.host.data(), w.host.data(), {y0.host.data(), y1.host.data()}, {g0.host.data(), g1.host.data()}, gx.host.data(), nullptr, gw.host.data()};
  TimeweaveAggregate device{shape, taps, pairs, x.device, w.device, {y0.device, y1.device}, {g0.device, g1.device}, gx.device, nullptr, gw.device};
  Memory hp(8 * std::max<int64_t>(1, timeweave_grid_aggregate_partial(&host))), dp(8 * std::max<int64_t>(1, timeweave_cuda_aggregate_partial(&device)));
  std::fill(hp.host.begin(), hp.host.end(), 0);
  must(cudaMemset(dp.device, 0, dp.host.size()), "cudaMemset");
  host.partial = reinterpret_cast<double*>(hp.host.data());
  device.partial = static_cast<double*>(dp.device);
  timeweave_grid_aggregate_forward(&host);
  // The signs of the result decide backward: both sides take those of the host.
  check(timeweave_cuda_aggregate_forward(&device, 0, nullptr), "aggregate forward");
  compare<T>(y0, "aggregate y", tolerance<T>());
  if (pairs) compare<T>(y1, "aggregate odd y", tolerance<T>());
  y0.up(), y1.up();
  timeweave_grid_aggregate_backward(&host);
  auto backward = [&] { check(timeweave_cuda_aggregate_backward(&device, 0, nullptr), "aggregate backward"); };
  backward();
  compare<T>(gx, "aggregate grad x", tolerance<T>());
  compare<A>(gw, "aggregate grad weights", sizeof(T) == 8 ? 1e-12 : 1e-4);
  repeat(gw, "aggregate grad weights", backward);
}

template <class T>
void interlace(TimeweaveShape shape, int64_t groups, int64_t fold) {
  using A = typename timeweave::Sums<T>::type;
  size_t map = shape.clips * shape.frames * shape.channels * shape.plane * sizeof(T);
  Memory x(map), y(map), g(map), gx(map), o(shape.clips * groups * sizeof(A)), w(o.host.size() * shape.frames), go(o.host.size()), gw(w.host.size());
  fill<T>(x), fill<T>(g), fill<A>(o), fill<A>(w);
  TimeweaveInterlace host{shape, fold, groups, x.host.data(), o.host.data(), w.host.data(), y.host.data(), g.host.data(), gx.host.data(), nullptr, go.host.data(), gw.host.data()};
  TimeweaveInterlace device{shape, fold, groups, x.device, o.device, w.device, y.device, g.device, gx.device, nullptr, go.device, gw.device};
  Memory hp(8 * std::max<int64_t>(1, timeweave_grid_interlace_partial(&host))), dp(8 * std::max<int64_t>(1, timeweave_cuda_interlace_partial(&device)));
  std::fill(hp.host.begin(), hp.host.end(), 0);
  must(cudaMemset(dp.device, 0, dp.host.size()), "cudaMemset");
  host.partial = reinterpret_cast<double*>(hp.host.data());
  device.partial = static_cast<double*>(dp.device);
  timeweave_grid_interlace_forward(&host);
  timeweave_grid_interlace_backward(&host);
  check(timeweave_cuda_interlace_forward(&device, 0, nullptr), "interlace forward");
  auto backward = [&] { check(timeweave_cuda_interlace_backward(&device, 0, nullptr), "interlace backward"); };
  backward();
  compare<T>(y, "interlace y", tolerance<T>());
  compare<T>(gx, "interlace grad x", tolerance<T>());
  compare<A>(go, "interlace grad offsets", sizeof(T) == 8 ? 1e-11 : 1e-4);
  compare<A>(gw, "interlace grad weights", sizeof(T) == 8 ? 1e-11 : 1e-4);
  repeat(go, "interlace grad offsets", backward);
}

template <class T>
void shift(TimeweaveShape shape, int64_t fold, int64_t one_way) {
  size_t map = shape.clips * shape.frames * shape.channels * shape.plane * sizeof(T);
  Memory x(map), y(map), edge(shape.clips * fold * shape.plane * sizeof(T));
  fill<T>(x), fill<T>(edge);
  TimeweaveShift host{shape, fold, 1, one_way, sizeof(T), x.host.data(), one_way ? edge.host.data() : nullptr, y.host.data()};
  TimeweaveShift device{shape, fold, 1, one_way, sizeof(T), x.device, one_way ? edge.device : nullptr, y.device};
  timeweave_grid_shift(&host);
  check(timeweave_cuda_shift(&device, 0, nullptr), "shift");
  compare<T>(y, "shift", 0);
}

template <class T>
int all(int dtype) {
  int cases = 0;
  const int64_t shapes[][4] = {{2, 4, 16, 36}, {1, 1, 4, 9}, {3, 8, 6, 15}, {1, 3, 64, 289}, {2, 8, 128, 100}, {1, 2, 24, 1056}};
  for (const auto& s : shapes)
    for (int last = 0; last < 2; ++last) {
      TimeweaveShape shape{s[0], s[1], s[2], s[3], last, dtype};
      for (int64_t taps : {1, 3, 5}) aggregate<T>(shape, taps, 0), aggregate<T>(shape, taps, 1), cases += 2;
      interlace<T>(shape, 1, s[2]), interlace<T>(shape, s[2] / 2, s[2] / 2), cases += 2;
      shift<T>(shape, s[2] / 2, 0), shift<T>(shape, 1, 1), cases += 2;
    }
  return cases;
}

// Seconds of the fastest of some runs.
template <class Launch>
double seconds(Launch launch) {
  cudaEvent_t start, end;
  must(cudaEventCreate(&start), "cudaEventCreate");
  must(cudaEventCreate(&end), "cudaEventCreate");
  float best = 1e30f;
  for (int run = 0; run < 20; ++run) {
    float time;
    must(cudaEventRecord(start), "cudaEventRecord");
    launch();
    must(cudaEventRecord(end), "cudaEventRecord");
    must(cudaEventSynchronize(end), "cudaEventSynchronize");
    must(cudaEventElapsedTime(&time, start, end), "cudaEventElapsedTime");
    best = std::min(best, time);
  }
  cudaEventDestroy(start);
  cudaEventDestroy(end);
  return best * 1e-3;
}

// Copies through the same loads and stores, as many bytes as the operation touches.
double copy_seconds(size_t bytes) {
  void *from, *to;
  must(cudaMalloc(&from, bytes / 2), "cudaMalloc");
  must(cudaMalloc(&to, bytes / 2), "cudaMalloc");
  double best = seconds([&] { must(cudaMemcpyAsync(to, from, bytes / 2, cudaMemcpyDeviceToDevice), "copy"); });
  cudaFree(from);
  cudaFree(to);
  return best;
}

void report(const char* what, const char* map, size_t bytes, double time) {
  double copy = copy_seconds(bytes);
  std::printf("| %s | %s | %.0f | %.0f | %.0f %% |\n", what, map, bytes / time / 1e9, bytes / copy / 1e9, 100 * copy / time);
}

// Maps large enough to leave the second-level cache behind.
void bandwidth(int dtype, size_t width, const char* type) {
  const int64_t shapes[][4] = {{32, 8, 256, 3136}, {64, 8, 1024, 196}, {128, 8, 2048, 49}, {16, 16, 64, 12544}};
  for (const auto& s : shapes)
    for (int last = 0; last < 2; ++last) {
      TimeweaveShape shape{s[0], s[1], s[2], s[3], last, dtype};
      size_t map = s[0] * s[1] * s[2] * s[3] * width;
      std::vector<void*> maps(4);
      for (void*& pointer : maps) {
        must(cudaMalloc(&pointer, map), "cudaMalloc");
        must(cudaMemset(pointer, 0, map), "cudaMemset");
      }
      void *small, *result;
      double* partial;
      must(cudaMalloc(&small, 1 << 24), "cudaMalloc");
      must(cudaMemset(small, 0, 1 << 24), "cudaMemset");
      must(cudaMalloc(&result, 1 << 24), "cudaMalloc");
      TimeweaveAggregate a{shape, 3, 0, maps[0], small, {maps[1], nullptr}, {maps[2], nullptr}, maps[3], nullptr, result};
      TimeweaveInterlace i{shape, s[2] / 4, 4, maps[0], small, small, maps[1], maps[2], maps[3], nullptr, result, static_cast<char*>(result) + (1 << 23)};
      TimeweaveShift h{shape, s[2] / 8, 1, 0, static_cast<int64_t>(width), maps[0], nullptr, maps[1]};
      int64_t length = std::max(timeweave_cuda_aggregate_partial(&a), timeweave_cuda_interlace_partial(&i));
      must(cudaMalloc(&partial, 8 * length), "cudaMalloc");
      must(cudaMemset(partial, 0, 8 * length), "cudaMemset");
      a.partial = i.partial = partial;
      char name[96];
      std::snprintf(name, sizeof name, "%lldx%lld %lld channels %lld positions %s %s", (long long)s[0], (long long)s[1], (long long)s[2], (long long)s[3], type, last ? "nhwc" : "nchw");
      report("aggregate forward", name, 2 * map, seconds([&] { timeweave_cuda_aggregate_forward(&a, 0, nullptr); }));
      report("aggregate backward", name, 4 * map, seconds([&] { timeweave_cuda_aggregate_backward(&a, 0, nullptr); }));
      report("shift", name, 2 * map, seconds([&] { timeweave_cuda_shift(&h, 0, nullptr); }));
      report("interlace forward", name, 2 * map, seconds([&] { timeweave_cuda_interlace_forward(&i, 0, nullptr); }));
      report("interlace backward", name, 2 * map + map / 4, seconds([&] { timeweave_cuda_interlace_backward(&i, 0, nullptr); }));
      for (void* pointer : maps) cudaFree(pointer);
      cudaFree(small), cudaFree(result), cudaFree(partial);
    }
}

}  // namespace

int main() {
  cudaDeviceProp device;
  must(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
  std::printf("%s, compute %d.%d\n", device.name, device.major, device.minor);
  int cases = all<float>(TIMEWEAVE_F32) + all<timeweave::Bf16>(TIMEWEAVE_BF16) + all<timeweave::F16>(TIMEWEAVE_F16) + all<double>(TIMEWEAVE_F64);
  std::printf("checked: %d cases, %d failures\n", cases, failures);
  std::printf("| operation | map | ours GB/s | copy GB/s | of copy |\n| --- | --- | --- | --- | --- |\n");
  bandwidth(TIMEWEAVE_F32, 4, "f32");
  bandwidth(TIMEWEAVE_BF16, 2, "bf16");
  bandwidth(TIMEWEAVE_F16, 2, "f16");
  return failures == 0 ? 0 : 1;
}
