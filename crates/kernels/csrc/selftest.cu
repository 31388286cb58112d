// A self-contained test and bandwidth program for a machine with a GPU and its driver, nothing else:
//
//   nvcc -O3 -std=c++17 -arch=native selftest.cu -o selftest && ./selftest
//
// Without a GPU beside nvcc, -arch=sm_90 or the like instead of native.
// It runs every kernel on the device and the same bodies on the host and compares the results, runs the
// sums again to see that they are deterministic, and times the large shapes beside a device copy of as many
// bytes. The exit status is 0 only if every comparison held, and 2 if a call or a launch failed.
#include "bandwidth.cuh"
#include "cuda.cu"
#include "device_memory.cuh"
#include "host_grid.cpp"

namespace selftest {
namespace {

int cases = 0;

// A case: its maps, and by how many elements they start beyond a place where every pack fits.
struct Maps {
  TimeweaveShape shape;
  int64_t start;
  int64_t count() const { return shape.clips * shape.frames * shape.channels * shape.plane; }

  void begin(const std::string& operation) const {
    const TimeweaveShape& s = shape;
    now() = operation;
    for (int64_t number : {s.clips, s.frames, s.channels, s.plane, start}) now() += " " + std::to_string(number);
    now() += s.channels_last ? " nhwc" : " nchw";
    now() += " type " + std::to_string(s.dtype);
    ++cases;
  }
};

void check(int code, const char* what) {
  must(code, what);
  must(cudaDeviceSynchronize(), what);
}

template <class T>
constexpr double kTolerance = sizeof(T) == 8 ? 1e-12 : sizeof(T) == 4 ? 2e-5 : 1e-2;
// Sums of products, whose additions the device may fuse with multiplications.
template <class T>
constexpr double kSums = sizeof(T) == 8 ? 1e-11 : 1e-4;

template <class T>
void aggregate(const Maps& maps, int64_t taps, int64_t pairs) {
  using A = typename timeweave::Sums<T>::type;
  maps.begin("aggregate " + std::to_string(taps) + (pairs ? " pairs" : ""));
  int64_t count = maps.count();
  auto map = [&] { return Memory<T>(count, maps.start); };
  Memory<T> x = map(), y0 = map(), y1 = map(), g0 = map(), g1 = map(), gx = map();
  Memory<A> w(taps * maps.shape.channels), gw(w.count());
  x.fill(), g0.fill(), g1.fill(), w.fill();
  TimeweaveAggregate host{maps.shape, taps, pairs, x.host(), w.host(), {y0.host(), y1.host()}, {g0.host(), g1.host()}, gx.host(), nullptr, gw.host()};
  TimeweaveAggregate device{maps.shape, taps, pairs, x.device(), w.device(), {y0.device(), y1.device()}, {g0.device(), g1.device()}, gx.device(), nullptr, gw.device()};
  Memory<double> room(timeweave_grid_aggregate_partial(&host)), partial(timeweave_cuda_aggregate_partial(&device));
  host.partial = room.host();
  device.partial = partial.device();
  timeweave_grid_aggregate_forward(&host);
  check(timeweave_cuda_aggregate_forward(&device, 0, nullptr), "aggregate forward");
  y0.compare("y", kTolerance<T>);
  if (pairs) y1.compare("odd y", kTolerance<T>);
  // The signs of the result decide backward: both sides take those of the host.
  y0.up(), y1.up();
  timeweave_grid_aggregate_backward(&host);
  auto backward = [&] { check(timeweave_cuda_aggregate_backward(&device, 0, nullptr), "aggregate backward"); };
  backward();
  gx.compare("grad x", kTolerance<T>);
  gw.compare("grad weights", kSums<A>);
  again("backward", backward, partial, gx, gw);
}

// Offsets of every sort: between frames, on them, at the clip's end, far beyond it, and no numbers.
double offset(int64_t index, int64_t frames) {
  switch (index % 11) {
    case 1: return std::round(3 * uniform());
    case 2: return static_cast<double>(frames);
    case 3: return -static_cast<double>(frames);
    case 4: return 1e9;
    case 5: return -1e30;
    case 6: return NAN;
    case 7: return INFINITY;
    case 8: return -INFINITY;
    case 9: return frames - 0.5;
    default: return 2.5 * uniform();
  }
}

template <class T>
void interlace(const Maps& maps, int64_t groups, int64_t fold) {
  using A = typename timeweave::Sums<T>::type;
  maps.begin("interlace " + std::to_string(groups) + " of " + std::to_string(fold));
  int64_t count = maps.count();
  auto map = [&] { return Memory<T>(count, maps.start); };
  Memory<T> x = map(), y = map(), g = map(), gx = map();
  Memory<A> o(maps.shape.clips * groups), w(o.count() * maps.shape.frames), go(o.count()), gw(w.count());
  x.fill(), g.fill(), w.fill();
  // The number of the case too, so that a single group meets every sort.
  for (int64_t i = 0; i < o.count(); ++i) o.set(i, offset(i + cases, maps.shape.frames));
  o.up();
  TimeweaveInterlace host{maps.shape, fold, groups, x.host(), o.host(), w.host(), y.host(), g.host(), gx.host(), nullptr, go.host(), gw.host()};
  TimeweaveInterlace device{maps.shape, fold, groups, x.device(), o.device(), w.device(), y.device(), g.device(), gx.device(), nullptr, go.device(), gw.device()};
  Memory<double> room(timeweave_grid_interlace_partial(&host)), partial(timeweave_cuda_interlace_partial(&device));
  host.partial = room.host();
  device.partial = partial.device();
  timeweave_grid_interlace_forward(&host);
  timeweave_grid_interlace_backward(&host);
  check(timeweave_cuda_interlace_forward(&device, 0, nullptr), "interlace forward");
  auto backward = [&] { check(timeweave_cuda_interlace_backward(&device, 0, nullptr), "interlace backward"); };
  backward();
  y.compare("y", kTolerance<T>);
  gx.compare("grad x", kTolerance<T>);
  go.compare("grad offsets", kSums<A>);
  gw.compare("grad weights", kSums<A>);
  again("backward", backward, partial, gx, go, gw);
}

template <class T>
void shift(const Maps& maps, int64_t fold, int64_t step, int64_t one_way, bool edge) {
  maps.begin("shift " + std::to_string(fold) + " by " + std::to_string(step) + (one_way ? " one way" : "") + (edge ? " with an edge" : ""));
  Memory<T> x(maps.count(), maps.start), y(maps.count(), maps.start), outside(maps.shape.clips * fold * maps.shape.plane, maps.start);
  x.fill(), outside.fill();
  int64_t width = sizeof(T);
  TimeweaveShift host{maps.shape, fold, step, one_way, width, x.host(), edge ? outside.host() : nullptr, y.host()};
  TimeweaveShift device{maps.shape, fold, step, one_way, width, x.device(), edge ? outside.device() : nullptr, y.device()};
  timeweave_grid_shift(&host);
  check(timeweave_cuda_shift(&device, 0, nullptr), "shift");
  y.compare("y", 0);
}

template <class T>
void operations(const Maps& maps) {
  int64_t channels = maps.shape.channels, frames = maps.shape.frames;
  for (int64_t taps : {1, 2, 3, 5})
    for (int64_t pairs = 0; pairs < (taps % 2 ? 2 : 1); ++pairs) aggregate<T>(maps, taps, pairs);
  interlace<T>(maps, 1, channels);
  interlace<T>(maps, channels / 2, channels / 2);
  interlace<T>(maps, 2, channels / 4 * 2);
  interlace<T>(maps, 3, 0);
  for (int64_t step : {int64_t{1}, int64_t{-1}, int64_t{2}, -frames - 1})
    for (int64_t one_way = 0; one_way < 2; ++one_way)
      for (bool edge : {false, true}) shift<T>(maps, one_way ? channels : channels / 2, step, one_way, edge);
  shift<T>(maps, 1, -1, 1, true);
}

template <class T>
void all(int dtype) {
  // Clips, frames, channels, positions; the empty ones last.
  const int64_t shapes[][4] = {{2, 4, 16, 36},  {1, 1, 4, 9},    {3, 8, 6, 15}, {1, 3, 64, 289}, {2, 8, 128, 100}, {1, 2, 24, 1056},
                               {2, 8, 100, 49}, {1, 2, 6, 2304}, {0, 4, 8, 9},  {2, 0, 8, 9},    {2, 4, 8, 0}};
  for (const auto& s : shapes)
    for (int last = 0; last < 2; ++last)
      for (int64_t start = 0; start < 2; ++start) operations<T>({{s[0], s[1], s[2], s[3], last, dtype}, start});
}

}  // namespace
}  // namespace selftest

int main() {
  using namespace selftest;
  if (!compares()) {
    std::fprintf(stderr, "the comparison does not find what it must find\n");
    return 2;
  }
  cudaDeviceProp device;
  must(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
  std::printf("%s, compute %d.%d\n", device.name, device.major, device.minor);
  all<float>(TIMEWEAVE_F32);
  all<timeweave::Bf16>(TIMEWEAVE_BF16);
  all<timeweave::F16>(TIMEWEAVE_F16);
  all<double>(TIMEWEAVE_F64);
  std::printf("checked: %d cases, %d failures\n", cases, failures());
  std::printf("| operation | map | ours GB/s | copy GB/s | of copy |\n| --- | --- | --- | --- | --- |\n");
  bandwidth(TIMEWEAVE_F32, 4, "f32");
  bandwidth(TIMEWEAVE_BF16, 2, "bf16");
  bandwidth(TIMEWEAVE_F16, 2, "f16");
  return failures() == 0 ? 0 : 1;
}
