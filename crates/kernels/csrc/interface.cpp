// The C functions that src/ffi.rs calls. torch-sys' C_tensor is an at::Tensor; results are new ones,
// which the caller owns. An exception becomes its text, which the caller frees.
#include <cstdlib>
#include <cstring>
#include <exception>

#include "launch.h"
#include "operators.h"
#include "ops.h"

namespace at::autocast {
TORCH_API bool is_autocast_enabled(c10::DeviceType);
TORCH_API at::ScalarType get_autocast_dtype(c10::DeviceType);
TORCH_API Tensor cached_cast(at::ScalarType, const Tensor&, c10::DeviceType);
}

namespace {

using at::Tensor;

const Tensor& in(const void* tensor) { return *static_cast<const Tensor*>(tensor); }
Tensor optional(const void* tensor) { return tensor == nullptr ? Tensor() : in(tensor); }

// A map to write to: what autograd kept of it is no longer what it was. Of a tensor made in inference mode
// it keeps nothing.
const Tensor& room(const void* tensor) {
  const Tensor& map = in(tensor);
  if (!map.is_inference()) map.unsafeGetTensorImpl()->bump_version();
  return map;
}
Tensor optional_room(const void* tensor) { return tensor == nullptr ? Tensor() : room(tensor); }
void* out(Tensor tensor) { return new Tensor(std::move(tensor)); }

// Null, or the text of the exception that `body` left with.
template <class Body>
char* guarded(Body body) {
  try {
    body();
    return nullptr;
  } catch (const c10::Error& error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an unknown C++ exception");
  }
}

}  // namespace

extern "C" {

char* timeweave_temporal_aggregate(void** y, const void* x, const void* taps, int64_t frames) {
  return guarded([&] { *y = out(timeweave::temporal_aggregate(in(x), in(taps), frames)); });
}

char* timeweave_temporal_aggregate_pairs(void** y, const void* z, const void* taps, int64_t frames) {
  return guarded([&] {
    auto [even, odd] = timeweave::temporal_aggregate_pairs(in(z), in(taps), frames);
    y[0] = out(even);
    y[1] = out(odd);
  });
}

char* timeweave_temporal_shift(void** y, const void* x, int64_t frames, int64_t fold) {
  return guarded([&] { *y = out(timeweave::temporal_shift(in(x), frames, fold, 1)); });
}

char* timeweave_temporal_shift_online(void** y, const void* x, const void* state, int64_t frames) {
  return guarded([&] {
    auto [shifted, next] = timeweave::temporal_shift_online(in(x), in(state), frames);
    y[0] = out(shifted);
    y[1] = out(next);
  });
}

char* timeweave_temporal_interlace(void** y, const void* x, const void* offsets, const void* weights, int64_t frames, int64_t fold) {
  return guarded([&] { *y = out(timeweave::temporal_interlace(in(x), in(offsets), in(weights), frames, fold)); });
}

// The forms below write into given dense maps of the layout of `x` and know no gradients. Autograd, which may
// keep such a map for another operation's backward, sees that it was written to.

char* timeweave_aggregate_into(void* const* y, const void* x, const void* taps, int64_t frames) {
  return guarded([&] { timeweave::aggregate_forward(in(x), in(taps), frames, {room(y[0]), optional_room(y[1])}); });
}

char* timeweave_aggregate_backward_into(void* grad_x, void** grad_taps, void* const* grad, const void* x, const void* taps,
                                        void* const* y, int64_t frames) {
  return guarded([&] {
    *grad_taps = out(timeweave::aggregate_backward({in(grad[0]), optional(grad[1])}, in(x), in(taps), {in(y[0]), optional(y[1])}, frames,
                                                   room(grad_x)));
  });
}

char* timeweave_shift_into(void* y, const void* x, int64_t frames, int64_t fold, int64_t step) {
  return guarded([&] { timeweave::shift(in(x), Tensor(), frames, fold, step, false, room(y)); });
}

char* timeweave_interlace_into(void* y, const void* x, const void* offsets, const void* weights, int64_t frames, int64_t fold) {
  return guarded([&] { timeweave::interlace_forward(in(x), in(offsets), in(weights), frames, fold, room(y)); });
}

char* timeweave_interlace_backward_into(void* grad_x, void** grads, const void* grad, const void* x, const void* offsets,
                                        const void* weights, int64_t frames, int64_t fold) {
  return guarded([&] {
    auto [grad_offsets, grad_weights] =
        timeweave::interlace_backward(in(grad), in(x), in(offsets), in(weights), frames, fold, room(grad_x));
    grads[0] = out(grad_offsets);
    grads[1] = out(grad_weights);
  });
}

// Whether autocast casts the maps on the device of `x`; libtorch refuses devices that know no autocast.
int timeweave_autocast(const void* x) {
  bool enabled = false;
  char* text = guarded([&] { enabled = at::autocast::is_autocast_enabled(in(x).device().type()); });
  free(text);
  return enabled;
}

// `x` as the operations take it: in the type of autocast where that is on.
char* timeweave_as_autocast(void** y, const void* x) {
  return guarded([&] {
    auto device = in(x).device().type();
    bool cast = timeweave_autocast(x) != 0;
    *y = out(cast ? at::autocast::cached_cast(at::autocast::get_autocast_dtype(device), in(x), device) : in(x));
  });
}

// `y` in the type and the memory layout of `x`, as the operations return it.
char* timeweave_as_result(void** result, const void* x, const void* y) {
  return guarded([&] {
    auto format = in(x).is_contiguous() ? at::MemoryFormat::Contiguous : in(x).suggest_memory_format();
    *result = out(in(y).to(in(x).scalar_type()).contiguous(format));
  });
}

}  // extern "C"
