// What tests ask of libtorch beyond tch: bytes of maps, autocast, inference mode and tensors without memory.
// Only tests call it; a linker drops it elsewhere.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>

#include <atomic>
#include <memory>

// Declared by hand: <ATen/autocast_mode.h> includes all of ATen.
namespace at::autocast {
TORCH_API void set_autocast_enabled(c10::DeviceType, bool);
TORCH_API void set_autocast_dtype(c10::DeviceType, at::ScalarType);
TORCH_API void clear_cache();
}  // namespace at::autocast

namespace {

std::atomic<int64_t> live{0}, peak{0};

struct Block {
  c10::DataPtr memory;
  int64_t bytes;
};

void release(void* block) {
  live -= static_cast<Block*>(block)->bytes;
  delete static_cast<Block*>(block);
}

// libtorch's own allocator, with the bytes that it was asked for.
struct Counting final : c10::Allocator {
  c10::Allocator* inner;
  explicit Counting(c10::Allocator* inner) : inner(inner) {}
  c10::DataPtr allocate(size_t bytes) override {
    auto* block = new Block{inner->allocate(bytes), static_cast<int64_t>(bytes)};
    int64_t now = live += block->bytes, most = peak;
    while (now > most && !peak.compare_exchange_weak(most, now)) {
    }
    return {block->memory.get(), block, release, c10::Device(c10::kCPU)};
  }
  void copy_data(void* to, const void* from, size_t bytes) const override { inner->copy_data(to, from, bytes); }
};

}  // namespace

extern "C" {

// From now on the bytes of tensors on the CPU are counted.
void timeweave_probe_count() {
  static Counting counting(c10::GetCPUAllocator());
  c10::SetCPUAllocator(&counting, 255);
}

int64_t timeweave_probe_live() { return live; }

// The most bytes since the last call.
int64_t timeweave_probe_peak() { return peak.exchange(live); }

// Autocast to bfloat16 on the CPU, of this thread.
void timeweave_probe_autocast(int on) {
  at::autocast::set_autocast_dtype(c10::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(c10::kCPU, on != 0);
  if (on == 0) at::autocast::clear_cache();
}

// Inference mode of this thread, from a call with 1 to the next with 0.
void timeweave_probe_inference(int on) {
  thread_local std::unique_ptr<c10::InferenceMode> mode;
  mode.reset();
  if (on != 0) mode = std::make_unique<c10::InferenceMode>();
}

// A tensor on the device Meta with the shape, type and strides of `x`, or null.
void* timeweave_probe_meta(const void* x) {
  try {
    const auto& like = *static_cast<const at::Tensor*>(x);
    return new at::Tensor(at::empty_strided(like.sizes(), like.strides(), like.options().device(c10::kMeta)));
  } catch (...) {
    return nullptr;
  }
}
}
