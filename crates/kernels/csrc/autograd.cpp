// The gradients and the autocast rules of the operations, and their entry points.
//
// Saved for backward: of the aggregation its input, its taps and its output (whose signs are the
// ReLU's), of the interlacing its input, offsets and weights, of the shift nothing.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "operators.h"

// Declared by hand: <ATen/autocast_mode.h> includes all of ATen.
namespace at::autocast {
TORCH_API at::ScalarType get_autocast_dtype(at::DeviceType);
TORCH_API at::Tensor cached_cast(at::ScalarType, const at::Tensor&, c10::DeviceType);
}  // namespace at::autocast

namespace timeweave {

void keep_operators();

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;
using Pair = std::tuple<Tensor, Tensor>;
using Triple = std::tuple<Tensor, Tensor, Tensor>;

// Gradients have the type of what was computed, also where backward runs under autocast: an operation that
// is the derivative of another is called past it.
struct PastAutocast {
  c10::impl::ExcludeDispatchKeyGuard guard{c10::autocast_dispatch_keyset};
};

template <class Signature>
auto find(const char* name) {
  keep_operators();
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

Pair call_aggregate_back(const Tensor& grad, const Tensor& x, const Tensor& taps, const Tensor& y, int64_t frames) {
  static auto op = find<Pair(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t)>("timeweave::temporal_aggregate_backward");
  return op.call(grad, x, taps, y, frames);
}

Pair call_pairs_back(const Tensor& grad_even, const Tensor& grad_odd, const Tensor& z, const Tensor& taps, const Tensor& even,
                     const Tensor& odd, int64_t frames) {
  static auto op = find<Pair(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t)>(
      "timeweave::temporal_aggregate_pairs_backward");
  return op.call(grad_even, grad_odd, z, taps, even, odd, frames);
}

Pair call_online_back(const Tensor& grad_y, const Tensor& grad_state, int64_t frames) {
  static auto op = find<Pair(const Tensor&, const Tensor&, int64_t)>("timeweave::temporal_shift_online_backward");
  return op.call(grad_y, grad_state, frames);
}

Triple call_interlace_back(const Tensor& grad, const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames,
                           int64_t fold) {
  static auto op = find<Triple(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t)>(
      "timeweave::temporal_interlace_backward");
  return op.call(grad, x, offsets, weights, frames, fold);
}

struct Aggregate : Function<Aggregate> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& taps, int64_t frames) {
    at::AutoDispatchBelowADInplaceOrView below;
    Tensor y = temporal_aggregate(x, taps, frames);
    context->save_for_backward({x, taps, y});
    context->saved_data["frames"] = frames;
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    auto saved = context->get_saved_variables();
    auto [grad_x, grad_taps] = call_aggregate_back(grad[0], saved[0], saved[1], saved[2], context->saved_data["frames"].toInt());
    return {grad_x, grad_taps, Tensor()};
  }
};

struct Pairs : Function<Pairs> {
  static variable_list forward(AutogradContext* context, const Tensor& z, const Tensor& taps, int64_t frames) {
    at::AutoDispatchBelowADInplaceOrView below;
    auto [even, odd] = temporal_aggregate_pairs(z, taps, frames);
    context->save_for_backward({z, taps, even, odd});
    context->saved_data["frames"] = frames;
    return {even, odd};
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    auto saved = context->get_saved_variables();
    auto [grad_z, grad_taps] =
        call_pairs_back(grad[0], grad[1], saved[0], saved[1], saved[2], saved[3], context->saved_data["frames"].toInt());
    return {grad_z, grad_taps, Tensor()};
  }
};

struct Shift : Function<Shift> {
  static Tensor forward(AutogradContext* context, const Tensor& x, int64_t frames, int64_t fold, int64_t step) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->saved_data["frames"] = frames;
    context->saved_data["fold"] = fold;
    context->saved_data["step"] = step;
    return temporal_shift(x, frames, fold, step);
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    auto& data = context->saved_data;
    PastAutocast past;
    return {temporal_shift(grad[0], data["frames"].toInt(), data["fold"].toInt(), -data["step"].toInt()), Tensor(), Tensor(), Tensor()};
  }
};

struct Online : Function<Online> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& state, int64_t frames) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->saved_data["frames"] = frames;
    auto [y, next] = temporal_shift_online(x, state, frames);
    return {y, next};
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    auto [grad_x, grad_state] = call_online_back(grad[0], grad[1], context->saved_data["frames"].toInt());
    return {grad_x, grad_state, Tensor()};
  }
};

// The online shift is linear, so the derivative of its derivative is the shift itself.
struct OnlineBack : Function<OnlineBack> {
  static variable_list forward(AutogradContext* context, const Tensor& grad_y, const Tensor& grad_state, int64_t frames) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->saved_data["frames"] = frames;
    auto [grad_x, before] = call_online_back(grad_y, grad_state, frames);
    return {grad_x, before};
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    PastAutocast past;
    auto [y, next] = temporal_shift_online(grad[0], grad[1], context->saved_data["frames"].toInt());
    return {y, next, Tensor()};
  }
};

struct Interlace : Function<Interlace> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames,
                        int64_t fold) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, offsets, weights});
    context->saved_data["frames"] = frames;
    context->saved_data["fold"] = fold;
    return temporal_interlace(x, offsets, weights, frames, fold);
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    auto saved = context->get_saved_variables();
    auto [grad_x, grad_offsets, grad_weights] = call_interlace_back(
        grad[0], saved[0], saved[1], saved[2], context->saved_data["frames"].toInt(), context->saved_data["fold"].toInt());
    return {grad_x, grad_offsets, grad_weights, Tensor(), Tensor()};
  }
};

// A first derivative whose own derivative is asked for only by double backward, which is refused.
// (Function sees the tensors of a TensorList, not those of a vector.)
struct Once : Function<Once> {
  static variable_list forward(AutogradContext* context, at::TensorList maps, std::function<variable_list(at::TensorList)> call,
                               std::string op) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->saved_data["op"] = op;
    return call(maps);
  }
  static variable_list backward(AutogradContext* context, variable_list) {
    TORCH_CHECK(false, "timeweave::", context->saved_data["op"].toStringRef(),
                ": second derivatives are not implemented; compute the first without create_graph");
  }
};

Pair aggregate_back_autograd(const Tensor& grad, const Tensor& x, const Tensor& taps, const Tensor& y, int64_t frames) {
  variable_list maps{grad, x, taps, y};
  auto result = Once::apply(
      at::TensorList(maps),
      [frames](at::TensorList v) {
        auto [a, b] = call_aggregate_back(v[0], v[1], v[2], v[3], frames);
        return variable_list{a, b};
      },
      std::string("temporal_aggregate"));
  return {result[0], result[1]};
}

Pair pairs_back_autograd(const Tensor& grad_even, const Tensor& grad_odd, const Tensor& z, const Tensor& taps, const Tensor& even,
                         const Tensor& odd, int64_t frames) {
  variable_list maps{grad_even, grad_odd, z, taps, even, odd};
  auto result = Once::apply(
      at::TensorList(maps),
      [frames](at::TensorList v) {
        auto [a, b] = call_pairs_back(v[0], v[1], v[2], v[3], v[4], v[5], frames);
        return variable_list{a, b};
      },
      std::string("temporal_aggregate_pairs"));
  return {result[0], result[1]};
}

Pair online_back_autograd(const Tensor& grad_y, const Tensor& grad_state, int64_t frames) {
  auto result = OnlineBack::apply(grad_y, grad_state, frames);
  return {result[0], result[1]};
}

Triple interlace_back_autograd(const Tensor& grad, const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames,
                               int64_t fold) {
  variable_list maps{grad, x, offsets, weights};
  auto result = Once::apply(
      at::TensorList(maps),
      [frames, fold](at::TensorList v) {
        auto [a, b, c] = call_interlace_back(v[0], v[1], v[2], v[3], frames, fold);
        return variable_list{a, b, c};
      },
      std::string("temporal_interlace"));
  return {result[0], result[1], result[2]};
}

// Autocast: maps take the lower precision, as the convolutions around them do; taps, offsets and
// weights keep theirs, since the loops sum in float32 anyway.
template <c10::DeviceType D>
struct Autocast {
  static constexpr auto key = D == c10::DeviceType::CUDA ? c10::DispatchKey::AutocastCUDA : c10::DispatchKey::AutocastCPU;
  c10::impl::ExcludeDispatchKeyGuard guard{key};
  Tensor cast(const Tensor& x) const { return at::autocast::cached_cast(at::autocast::get_autocast_dtype(D), x, D); }
};

template <c10::DeviceType D>
void register_autocast(torch::Library& m) {
  m.impl("temporal_aggregate", [](const Tensor& x, const Tensor& taps, int64_t frames) {
    Autocast<D> autocast;
    return temporal_aggregate(autocast.cast(x), taps, frames);
  });
  m.impl("temporal_aggregate_pairs", [](const Tensor& z, const Tensor& taps, int64_t frames) {
    Autocast<D> autocast;
    return temporal_aggregate_pairs(autocast.cast(z), taps, frames);
  });
  m.impl("temporal_shift", [](const Tensor& x, int64_t frames, int64_t fold, int64_t step) {
    Autocast<D> autocast;
    return temporal_shift(autocast.cast(x), frames, fold, step);
  });
  m.impl("temporal_shift_online", [](const Tensor& x, const Tensor& state, int64_t frames) {
    Autocast<D> autocast;
    return temporal_shift_online(autocast.cast(x), autocast.cast(state), frames);
  });
  m.impl("temporal_interlace", [](const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
    Autocast<D> autocast;
    return temporal_interlace(autocast.cast(x), offsets, weights, frames, fold);
  });
}

}  // namespace

Tensor temporal_aggregate(const Tensor& x, const Tensor& taps, int64_t frames) {
  static auto op = find<Tensor(const Tensor&, const Tensor&, int64_t)>("timeweave::temporal_aggregate");
  return op.call(x, taps, frames);
}

std::tuple<Tensor, Tensor> temporal_aggregate_pairs(const Tensor& z, const Tensor& taps, int64_t frames) {
  static auto op = find<Pair(const Tensor&, const Tensor&, int64_t)>("timeweave::temporal_aggregate_pairs");
  return op.call(z, taps, frames);
}

Tensor temporal_shift(const Tensor& x, int64_t frames, int64_t fold, int64_t step) {
  static auto op = find<Tensor(const Tensor&, int64_t, int64_t, int64_t)>("timeweave::temporal_shift");
  return op.call(x, frames, fold, step);
}

std::tuple<Tensor, Tensor> temporal_shift_online(const Tensor& x, const Tensor& state, int64_t frames) {
  static auto op = find<Pair(const Tensor&, const Tensor&, int64_t)>("timeweave::temporal_shift_online");
  return op.call(x, state, frames);
}

Tensor temporal_interlace(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
  static auto op = find<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t)>("timeweave::temporal_interlace");
  return op.call(x, offsets, weights, frames, fold);
}

}  // namespace timeweave

TORCH_LIBRARY_IMPL(timeweave, Autograd, m) {
  using namespace timeweave;
  m.impl("temporal_aggregate", [](const Tensor& x, const Tensor& taps, int64_t frames) { return Aggregate::apply(x, taps, frames); });
  m.impl("temporal_aggregate_backward", aggregate_back_autograd);
  m.impl("temporal_aggregate_pairs", [](const Tensor& z, const Tensor& taps, int64_t frames) {
    auto result = Pairs::apply(z, taps, frames);
    return Pair{result[0], result[1]};
  });
  m.impl("temporal_aggregate_pairs_backward", pairs_back_autograd);
  m.impl("temporal_shift",
         [](const Tensor& x, int64_t frames, int64_t fold, int64_t step) { return Shift::apply(x, frames, fold, step); });
  m.impl("temporal_shift_online", [](const Tensor& x, const Tensor& state, int64_t frames) {
    auto result = Online::apply(x, state, frames);
    return Pair{result[0], result[1]};
  });
  m.impl("temporal_shift_online_backward", online_back_autograd);
  m.impl("temporal_interlace", [](const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
    return Interlace::apply(x, offsets, weights, frames, fold);
  });
  m.impl("temporal_interlace_backward", interlace_back_autograd);
}

TORCH_LIBRARY_IMPL(timeweave, AutocastCPU, m) { timeweave::register_autocast<c10::DeviceType::CPU>(m); }
TORCH_LIBRARY_IMPL(timeweave, AutocastCUDA, m) { timeweave::register_autocast<c10::DeviceType::CUDA>(m); }
