// Registers the operations for CPU, CUDA and Meta tensors, without gradients. The shapes are checked
// here as well as in Rust, since any user of the dispatcher may call them.
#include "operators.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "launch.h"

namespace timeweave {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

void check_clips(const char* op, const Tensor& x, int64_t frames) {
  TORCH_CHECK(x.dim() == 4, "timeweave::", op, ": expected x [N*T, C, H, W] but received ", x.sizes());
  TORCH_CHECK(frames >= 1 && x.size(0) % frames == 0, "timeweave::", op, ": expected frames that divide the batch of ", x.size(0),
              " images but received ", frames);
}

// Parameters may be of another floating-point type than the maps, as under autocast.
void check_parameter(const char* op, const char* name, const Tensor& x, const Tensor& values) {
  TORCH_CHECK(at::isFloatingType(values.scalar_type()), "timeweave::", op, ": expected ", name,
              " of a floating-point type but received ", values.scalar_type(), " ", values.sizes());
  TORCH_CHECK(values.device() == x.device(), "timeweave::", op, ": expected ", name, " on ", x.device(), " but received ",
              values.sizes(), " on ", values.device());
}

void check_taps(const char* op, const Tensor& x, const Tensor& taps) {
  TORCH_CHECK(taps.dim() == 2 && taps.size(0) >= 1 && taps.size(1) == x.size(1), "timeweave::", op, ": expected taps [r, ", x.size(1),
              "] but received ", taps.sizes());
  check_parameter(op, "taps", x, taps);
}

void check_like(const char* op, const Tensor& x, const Tensor& other) {
  TORCH_CHECK(other.sizes() == x.sizes() && other.device() == x.device() && other.scalar_type() == x.scalar_type(), "timeweave::", op,
              ": expected maps of the same shape, type and device but received ", x.toString(), x.sizes(), " and ", other.toString(),
              other.sizes());
}

void check_interlace(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
  const char* op = "temporal_interlace";
  check_clips(op, x, frames);
  int64_t clips = x.size(0) / frames;
  TORCH_CHECK(offsets.dim() == 2 && offsets.size(0) == clips && offsets.size(1) >= 1, "timeweave::", op, ": expected offsets [", clips,
              ", G] but received ", offsets.sizes());
  int64_t groups = offsets.size(1);
  TORCH_CHECK(weights.dim() == 3 && weights.size(0) == clips && weights.size(1) == frames && weights.size(2) == groups, "timeweave::", op,
              ": expected weights [", clips, ", ", frames, ", ", groups, "] but received ", weights.sizes());
  TORCH_CHECK(fold >= 0 && fold <= x.size(1) && fold % groups == 0, "timeweave::", op, ": expected a fold of whole groups (", groups,
              ") within ", x.size(1), " channels but received ", fold);
  check_parameter(op, "offsets", x, offsets);
  check_parameter(op, "weights", x, weights);
}

Tensor aggregate(const Tensor& x_, const Tensor& taps, int64_t frames) {
  check_clips("temporal_aggregate", x_, frames);
  check_taps("temporal_aggregate", x_, taps);
  Tensor x = dense(x_), y = empty_as(x);
  aggregate_forward(x, taps, frames, {y, Tensor()});
  return y;
}

Pair aggregate_back(const Tensor& grad, const Tensor& x_, const Tensor& taps, const Tensor& y, int64_t frames) {
  check_clips("temporal_aggregate_backward", x_, frames);
  check_taps("temporal_aggregate_backward", x_, taps);
  check_like("temporal_aggregate_backward", x_, grad);
  check_like("temporal_aggregate_backward", x_, y);
  Tensor x = dense(x_), grad_x = empty_as(x);
  Tensor grad_taps = aggregate_backward({grad, Tensor()}, x, taps, {dense_as(x, y), Tensor()}, frames, grad_x);
  return {grad_x, grad_taps};
}

Pair pairs(const Tensor& z_, const Tensor& taps, int64_t frames) {
  check_clips("temporal_aggregate_pairs", z_, frames);
  check_taps("temporal_aggregate_pairs", z_, taps);
  Tensor z = dense(z_), even = empty_as(z), odd = empty_as(z);
  aggregate_forward(z, taps, frames, {even, odd});
  return {even, odd};
}

Pair pairs_back(const Tensor& grad_even, const Tensor& grad_odd, const Tensor& z_, const Tensor& taps, const Tensor& even,
                const Tensor& odd, int64_t frames) {
  check_clips("temporal_aggregate_pairs_backward", z_, frames);
  check_taps("temporal_aggregate_pairs_backward", z_, taps);
  for (const Tensor* map : {&grad_even, &grad_odd, &even, &odd}) check_like("temporal_aggregate_pairs_backward", z_, *map);
  Tensor z = dense(z_), grad_z = empty_as(z);
  std::array<Tensor, 2> y{dense_as(z, even), dense_as(z, odd)};
  Tensor grad_taps = aggregate_backward({grad_even, grad_odd}, z, taps, y, frames, grad_z);
  return {grad_z, grad_taps};
}

void check_shift(const Tensor& x, int64_t frames, int64_t fold, int64_t step) {
  check_clips("temporal_shift", x, frames);
  TORCH_CHECK(fold >= 0 && fold <= x.size(1) / 2, "timeweave::temporal_shift: expected a fold in 0..=", x.size(1) / 2, " but received ",
              fold);
  TORCH_CHECK(step == 1 || step == -1, "timeweave::temporal_shift: expected a step of 1 or -1 but received ", step);
}

Tensor shifted(const Tensor& x_, int64_t frames, int64_t fold, int64_t step) {
  check_shift(x_, frames, fold, step);
  Tensor x = dense(x_), y = empty_as(x);
  shift(x, Tensor(), frames, fold, step, false, y);
  return y;
}

void check_state(const Tensor& x, const Tensor& state, int64_t frames) {
  check_clips("temporal_shift_online", x, frames);
  TORCH_CHECK(state.dim() == 4 && state.size(0) == x.size(0) / frames && state.size(1) <= x.size(1) && state.size(2) == x.size(2) &&
                  state.size(3) == x.size(3),
              "timeweave::temporal_shift_online: expected a state [", x.size(0) / frames, ", fold, ", x.size(2), ", ", x.size(3),
              "] but received ", state.sizes());
  TORCH_CHECK(state.device() == x.device() && state.scalar_type() == x.scalar_type(),
              "timeweave::temporal_shift_online: expected the state in the type and on the device of x (", x.toString(), x.sizes(),
              ") but received ", state.toString(), state.sizes());
}

// Room for channels 0..fold of one frame of every clip, in the layout of `x`.
Tensor empty_state(const Tensor& x, int64_t frames, int64_t fold) {
  return empty_as(x, {x.size(0) / frames, fold, x.size(2), x.size(3)});
}

// Channels 0..fold of one frame of every clip, in memory of their own.
Tensor frame_of(const Tensor& x, int64_t frames, int64_t frame, int64_t fold) {
  Tensor state = empty_state(x, frames, fold);
  return state.copy_(x.slice(0, frame, std::nullopt, frames).narrow(1, 0, fold));
}

Pair online(const Tensor& x_, const Tensor& state, int64_t frames) {
  check_state(x_, state, frames);
  Tensor x = dense(x_), y = empty_as(x);
  shift(x, state, frames, state.size(1), -1, true, y);
  return {y, frame_of(x, frames, frames - 1, state.size(1))};
}

Pair online_back(const Tensor& grad_y, const Tensor& grad_state, int64_t frames) {
  check_state(grad_y, grad_state, frames);
  Tensor grad = dense(grad_y), grad_x = empty_as(grad);
  shift(grad, grad_state, frames, grad_state.size(1), 1, true, grad_x);
  return {grad_x, frame_of(grad, frames, 0, grad_state.size(1))};
}

Tensor interlaced(const Tensor& x_, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
  check_interlace(x_, offsets, weights, frames, fold);
  Tensor x = dense(x_), y = empty_as(x);
  interlace_forward(x, offsets, weights, frames, fold, y);
  return y;
}

std::tuple<Tensor, Tensor, Tensor> interlaced_back(const Tensor& grad, const Tensor& x_, const Tensor& offsets, const Tensor& weights,
                                                   int64_t frames, int64_t fold) {
  check_interlace(x_, offsets, weights, frames, fold);
  check_like("temporal_interlace_backward", x_, grad);
  Tensor x = dense(x_), grad_x = empty_as(x);
  auto [grad_offsets, grad_weights] = interlace_backward(grad, x, offsets, weights, frames, fold, grad_x);
  return {grad_x, grad_offsets, grad_weights};
}

Tensor meta_aggregate(const Tensor& x, const Tensor& taps, int64_t frames) {
  check_clips("temporal_aggregate", x, frames);
  check_taps("temporal_aggregate", x, taps);
  return empty_as(dense(x));
}

Pair meta_aggregate_back(const Tensor&, const Tensor& x, const Tensor& taps, const Tensor&, int64_t) {
  return {empty_as(dense(x)), at::empty_like(taps)};
}

Pair meta_pairs(const Tensor& z, const Tensor& taps, int64_t frames) {
  return {meta_aggregate(z, taps, frames), meta_aggregate(z, taps, frames)};
}

Pair meta_pairs_back(const Tensor&, const Tensor&, const Tensor& z, const Tensor& taps, const Tensor&, const Tensor&, int64_t) {
  return {empty_as(dense(z)), at::empty_like(taps)};
}

Tensor meta_shift(const Tensor& x, int64_t frames, int64_t fold, int64_t step) {
  check_shift(x, frames, fold, step);
  return empty_as(dense(x));
}

Pair meta_online(const Tensor& x, const Tensor& state, int64_t frames) {
  check_state(x, state, frames);
  Tensor like = dense(x);
  return {empty_as(like), empty_state(like, frames, state.size(1))};
}

Tensor meta_interlace(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
  check_interlace(x, offsets, weights, frames, fold);
  return empty_as(dense(x));
}

std::tuple<Tensor, Tensor, Tensor> meta_interlace_back(const Tensor&, const Tensor& x, const Tensor& offsets, const Tensor& weights,
                                                       int64_t, int64_t) {
  return {empty_as(dense(x)), at::empty_like(offsets), at::empty_like(weights)};
}

void register_loops(torch::Library& m) {
  m.impl("temporal_aggregate", aggregate);
  m.impl("temporal_aggregate_backward", aggregate_back);
  m.impl("temporal_aggregate_pairs", pairs);
  m.impl("temporal_aggregate_pairs_backward", pairs_back);
  m.impl("temporal_shift", shifted);
  m.impl("temporal_shift_online", online);
  m.impl("temporal_shift_online_backward", online_back);
  m.impl("temporal_interlace", interlaced);
  m.impl("temporal_interlace_backward", interlaced_back);
}

}  // namespace
}  // namespace timeweave

// x, z, y and their gradients are maps [N*T, C, H, W] with T = frames, in float32, float16, bfloat16 or
// float64, and keep their layout. The operators with gradients are those of operators.h, the others are
// their first derivatives. Any parameter type goes with any map type; its gradient is of its own type.
TORCH_LIBRARY(timeweave, m) {
  m.def("temporal_aggregate(Tensor x, Tensor taps, int frames) -> Tensor");
  m.def("temporal_aggregate_backward(Tensor grad, Tensor x, Tensor taps, Tensor y, int frames) -> (Tensor, Tensor)");
  m.def("temporal_aggregate_pairs(Tensor z, Tensor taps, int frames) -> (Tensor even, Tensor odd)");
  m.def(
      "temporal_aggregate_pairs_backward(Tensor grad_even, Tensor grad_odd, Tensor z, Tensor taps, Tensor even, Tensor odd, int frames) "
      "-> (Tensor, Tensor)");
  m.def("temporal_shift(Tensor x, int frames, int fold, int step=1) -> Tensor");
  m.def("temporal_shift_online(Tensor x, Tensor state, int frames) -> (Tensor y, Tensor state)");
  m.def("temporal_shift_online_backward(Tensor grad_y, Tensor grad_state, int frames) -> (Tensor, Tensor)");
  m.def("temporal_interlace(Tensor x, Tensor offsets, Tensor weights, int frames, int fold) -> Tensor");
  m.def(
      "temporal_interlace_backward(Tensor grad, Tensor x, Tensor offsets, Tensor weights, int frames, int fold) "
      "-> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(timeweave, CPU, m) { timeweave::register_loops(m); }
TORCH_LIBRARY_IMPL(timeweave, CUDA, m) { timeweave::register_loops(m); }

TORCH_LIBRARY_IMPL(timeweave, Meta, m) {
  using namespace timeweave;
  m.impl("temporal_aggregate", meta_aggregate);
  m.impl("temporal_aggregate_backward", meta_aggregate_back);
  m.impl("temporal_aggregate_pairs", meta_pairs);
  m.impl("temporal_aggregate_pairs_backward", meta_pairs_back);
  m.impl("temporal_shift", meta_shift);
  m.impl("temporal_shift_online", meta_online);
  m.impl("temporal_shift_online_backward", meta_online);
  m.impl("temporal_interlace", meta_interlace);
  m.impl("temporal_interlace_backward", meta_interlace_back);
}

namespace timeweave {
void keep_operators() {}
}  // namespace timeweave
