// What the self-test knows about memory: the same elements on host and device, filled, compared and guarded.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include "numbers.cuh"

namespace selftest {

// Ends the program unless a call of CUDA or of a kernel succeeded.
inline void must(int code, const char* what) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(static_cast<cudaError_t>(code)));
  std::exit(2);
}

// The case that is being checked, and how many comparisons failed so far.
inline std::string& now() {
  static std::string name;
  return name;
}

inline int& failures() {
  static int count = 0;
  return count;
}

inline void failed(const char* what, const std::string& why) {
  std::printf("FAILED %s, %s: %s\n", now().c_str(), what, why.c_str());
  ++failures();
}

// Numbers from -1 to 1 (a linear congruential generator with Knuth's factors).
inline double uniform() {
  static uint64_t seed = 1;
  seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<double>(seed >> 40) / (1 << 23) - 1;
}

template <class T>
double value_of(const unsigned char* bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof value);
  return timeweave::widen(value);
}

// What is wrong with `count` elements beside those expected, or nothing. An element that is NaN on one side
// only is wrong, whatever comes after it; NaN on both sides and equal infinities are right.
template <class T>
std::string difference(const unsigned char* actual, const unsigned char* expected, size_t count, double tolerance) {
  double most = 0, worst = 0;
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < count; ++i) {
    double b = std::fabs(value_of<T>(expected, i));
    if (std::isfinite(b)) most = std::max(most, b);
  }
  double bound = tolerance == 0 ? 0 : tolerance * (1 + most);
  for (size_t i = 0; i < count; ++i) {
    double a = value_of<T>(actual, i), b = value_of<T>(expected, i), apart = std::fabs(a - b);
    if (a == b || apart <= bound || (std::isnan(a) && std::isnan(b))) continue;
    if (wrong++ == 0) first = i;
    if (apart > worst) worst = apart;
  }
  if (wrong == 0) return {};
  char text[200];
  std::snprintf(text, sizeof text, "%zu of %zu wrong, the first at %zu: %g instead of %g; finite ones by %g at most, %g allowed", wrong, count,
                first, value_of<T>(actual, first), value_of<T>(expected, first), worst, bound);
  return text;
}

// `count` elements on host and device, `start` elements beyond a place where every pack fits.
//
// The device's bytes are 0xff at first, which is NaN in every type, those of the host 0: what only one side
// writes is seen. Guards lie around the elements on the device, and nothing may write to them.
template <class T>
class Memory {
 public:
  explicit Memory(int64_t count, int64_t start = 0)
      : count_(count), first_(kGuard + start * sizeof(T)), host_(first_ + count * sizeof(T) + kGuard), back_(host_.size()) {
    must(cudaMalloc(&device_, host_.size()), "cudaMalloc");
    must(cudaMemset(device_, 0xff, host_.size()), "cudaMemset");
  }
  Memory(const Memory&) = delete;
  ~Memory() { cudaFree(device_); }

  T* host() { return reinterpret_cast<T*>(host_.data() + first_); }
  T* device() { return reinterpret_cast<T*>(static_cast<unsigned char*>(device_) + first_); }
  int64_t count() const { return count_; }

  void set(int64_t index, double value) {
    timeweave::narrow(static_cast<typename timeweave::Sums<T>::type>(value), host()[index]);
  }

  // Random numbers on both sides.
  void fill() {
    for (int64_t i = 0; i < count_; ++i) set(i, uniform());
    up();
  }

  // The host's elements go to the device.
  void up() { must(cudaMemcpy(device(), host(), bytes(), cudaMemcpyHostToDevice), "copy to the device"); }

  // The device's elements become NaN.
  void poison() { must(cudaMemset(device(), 0xff, bytes()), "cudaMemset"); }

  // The bytes of the device's elements.
  std::vector<unsigned char> read(const char* what) {
    must(cudaMemcpy(back_.data(), device_, back_.size(), cudaMemcpyDeviceToHost), "copy from the device");
    for (size_t i = 0; i < back_.size(); ++i)
      if ((i < first_ || i >= first_ + bytes()) && back_[i] != 0xff) {
        failed(what, "written outside of its elements");
        break;
      }
    return {back_.begin() + first_, back_.begin() + first_ + bytes()};
  }

  // The device's elements must be those of the host.
  void compare(const char* what, double tolerance) {
    std::string why = difference<T>(read(what).data(), host_.data() + first_, count_, tolerance);
    if (!why.empty()) failed(what, why);
  }

 private:
  static constexpr size_t kGuard = 256;
  size_t bytes() const { return count_ * sizeof(T); }
  int64_t count_;
  size_t first_;
  std::vector<unsigned char> host_, back_;
  void* device_ = nullptr;
};

// Runs `launch` again, over results and room that are poisoned before, and expects the same bits.
template <class Launch, class... Results>
void again(const char* what, Launch launch, Memory<double>& room, Results&... results) {
  std::vector<unsigned char> first[] = {results.read(what)...};
  room.poison();
  (results.poison(), ...);
  launch();
  std::vector<unsigned char> second[] = {results.read(what)...};
  for (size_t i = 0; i < sizeof...(Results); ++i)
    if (first[i] != second[i]) failed(what, "two runs differ");
  room.read(what);
}

// The comparison itself: what must be found is found, and nothing else.
inline bool compares() {
  const float nan = std::nanf(""), inf = INFINITY;
  auto wrong = [](std::vector<float> actual, std::vector<float> expected, double tolerance) {
    auto bytes = [](const std::vector<float>& of) { return reinterpret_cast<const unsigned char*>(of.data()); };
    return !difference<float>(bytes(actual), bytes(expected), actual.size(), tolerance).empty();
  };
  bool finds = wrong({1, nan, 3}, {1, 2, 3}, 1) && wrong({nan, 2, 3}, {1, 2, 3}, 1) && wrong({1, 2, 3}, {1, nan, 3}, 1) &&
               wrong({1, inf, 3}, {1, 2, 3}, 1) && wrong({1, inf, 3}, {1, -inf, 3}, 1) && wrong({1, 2, 3}, {1, inf, 3}, 1) &&
               wrong({1, 2, nan}, {1, nan, 2}, 1) && wrong({1, 2.5f, 3}, {1, 2, 3}, 0.1) && wrong({1, 2, 3.0001f}, {1, 2, 3}, 0);
  bool passes = wrong({1, nan, 3}, {1, nan, 3}, 0) || wrong({inf, -inf, 3}, {inf, -inf, 3}, 0) || wrong({1, 2.3f, 3}, {1, 2, 3}, 0.1);
  return finds && !passes;
}

}  // namespace selftest
