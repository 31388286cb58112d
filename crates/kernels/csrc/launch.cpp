// Fills in the structures of ops.h from tensors and runs the loops.
#include "launch.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "ops.h"
#include "parallel.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace timeweave {
namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

bool is_last(const Tensor& x) { return !x.is_contiguous() && x.is_contiguous(kLast); }

at::MemoryFormat format_of(const Tensor& x) { return is_last(x) ? kLast : at::MemoryFormat::Contiguous; }

int dtype_of(const Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat: return TIMEWEAVE_F32;
    case at::kBFloat16: return TIMEWEAVE_BF16;
    case at::kDouble: return TIMEWEAVE_F64;
    case at::kHalf: return TIMEWEAVE_F16;
    default: TORCH_CHECK(false, "timeweave: expected x of a floating-point type but received ", x.scalar_type(), " ", x.sizes());
  }
}

// The type in which sums are kept.
at::ScalarType sums_of(const Tensor& x) { return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

Tensor parameters(const Tensor& x, const Tensor& values) { return values.to(sums_of(x)).contiguous(); }

TimeweaveShape shape_of(const Tensor& x, int64_t frames) {
  return {x.size(0) / frames, frames, x.size(1), x.size(2) * x.size(3), is_last(x) ? 1 : 0, dtype_of(x)};
}

int64_t bytes_of(const Tensor& x) { return x.numel() * x.element_size(); }

void* stream_of(const Tensor& x) {
  c10::impl::VirtualGuardImpl guard(x.device().type());
  return reinterpret_cast<void*>(guard.getStream(x.device()).native_handle());
}

void check_cpu(const char* op, int code) { TORCH_CHECK(code == 0, "timeweave::", op, ": the CPU loop failed with code ", code); }

void check_cuda(const char* op, int code) { TORCH_CHECK(code == 0, "timeweave::", op, ": ", timeweave_cuda_error(code)); }

template <class Args, int (*Body)(const Args*, int64_t, int64_t)>
int run(const Args& args, int64_t tasks, int64_t bytes) {
  return parallel(
      tasks, bytes, [](const void* context, int64_t first, int64_t last) { return Body(static_cast<const Args*>(context), first, last); }, &args);
}

// float16 has no loop on the CPU: it goes through float32.
bool is_cpu_half(const Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kHalf; }

Tensor widen(const Tensor& x) { return x.defined() ? x.to(at::kFloat) : x; }
Tensor wide_room(const Tensor& y) { return y.defined() ? at::empty_like(y, y.options().dtype(at::kFloat)) : y; }

// Room for the sums of tasks, which the loops of the CPU expect to be zero at first.
Tensor sums_room(const Tensor& x, int64_t length) {
  auto options = x.options().dtype(at::kDouble);
  return x.is_cpu() ? at::zeros({length}, options) : at::empty({length}, options);
}

TimeweaveAggregate aggregate_args(const Tensor& x, const Tensor& weights, int64_t frames, const std::array<Tensor, 2>& y) {
  TimeweaveAggregate args{};
  args.shape = shape_of(x, frames);
  args.taps = weights.size(0);
  args.pairs = y[1].defined();
  args.x = x.const_data_ptr();
  args.weights = weights.const_data_ptr();
  for (int out = 0; out < 1 + args.pairs; ++out) args.y[out] = y[out].data_ptr();
  return args;
}

TimeweaveInterlace interlace_args(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold) {
  TimeweaveInterlace args{};
  args.shape = shape_of(x, frames);
  args.fold = fold;
  args.groups = offsets.size(1);
  args.x = x.const_data_ptr();
  args.offsets = offsets.const_data_ptr();
  args.weights = weights.const_data_ptr();
  return args;
}

// A large map gets fresh pages from the system every time, and to clear them 4 KiB by 4 KiB takes longer
// than any loop here. Where the system leaves it to programs (transparent_hugepage/enabled: madvise), ask
// for large ones.
void want_large_pages(const Tensor& y) {
#ifdef __linux__
  constexpr uintptr_t page = 2 << 20;
  constexpr int64_t large = 16 << 20;
  if (!y.is_cpu() || bytes_of(y) < large) return;
  auto first = reinterpret_cast<uintptr_t>(y.data_ptr()), last = first + bytes_of(y);
  first = (first + page - 1) / page * page;
  // A hint: where it is refused nothing changes.
  madvise(reinterpret_cast<void*>(first), last / page * page - first, MADV_HUGEPAGE);
#endif
}

}  // namespace

Tensor dense(const Tensor& x) {
  if (x.is_contiguous() || x.is_contiguous(kLast)) return x;
  return x.contiguous(x.suggest_memory_format());
}

Tensor dense_as(const Tensor& x, const Tensor& other) { return other.contiguous(format_of(x)); }

Tensor empty_as(const Tensor& x) { return empty_as(x, x.sizes()); }

Tensor empty_as(const Tensor& x, at::IntArrayRef size) {
  Tensor y = at::empty(size, x.options().memory_format(format_of(x)));
  want_large_pages(y);
  return y;
}

void aggregate_forward(const Tensor& x, const Tensor& taps, int64_t frames, const std::array<Tensor, 2>& y) {
  if (is_cpu_half(x)) {
    std::array<Tensor, 2> wide{wide_room(y[0]), wide_room(y[1])};
    aggregate_forward(widen(x), taps, frames, wide);
    for (int out = 0; out < 2; ++out)
      if (y[out].defined()) y[out].copy_(wide[out]);
    return;
  }
  Tensor weights = parameters(x, taps);
  TimeweaveAggregate args = aggregate_args(x, weights, frames, y);
  if (x.is_cpu()) {
    int64_t bytes = bytes_of(x) * (2 + args.pairs);
    check_cpu("temporal_aggregate",
              run<TimeweaveAggregate, timeweave_cpu_aggregate_forward>(args, timeweave_cpu_aggregate_tasks(&args), bytes));
    return;
  }
  c10::DeviceGuard guard(x.device());
  check_cuda("temporal_aggregate", timeweave_cuda_aggregate_forward(&args, x.device().index(), stream_of(x)));
}

Tensor aggregate_backward(const std::array<Tensor, 2>& grad, const Tensor& x, const Tensor& taps, const std::array<Tensor, 2>& y,
                          int64_t frames, const Tensor& grad_x) {
  if (is_cpu_half(x)) {
    Tensor wide = wide_room(grad_x);
    Tensor result = aggregate_backward({widen(grad[0]), widen(grad[1])}, widen(x), taps, {widen(y[0]), widen(y[1])}, frames, wide);
    grad_x.copy_(wide);
    return result;
  }
  Tensor weights = parameters(x, taps);
  Tensor grad_weights = at::empty(weights.sizes(), weights.options());
  TimeweaveAggregate args = aggregate_args(x, weights, frames, y);
  // Kept until the loops are done: an upstream gradient may come in any layout.
  std::array<Tensor, 2> upstream;
  for (int out = 0; out < 1 + args.pairs; ++out) {
    upstream[out] = dense_as(x, grad[out]);
    args.grad[out] = upstream[out].const_data_ptr();
  }
  args.grad_x = grad_x.data_ptr();
  args.grad_weights = grad_weights.data_ptr();
  bool cpu = x.is_cpu();
  int64_t length = cpu ? timeweave_cpu_aggregate_partial(&args) : timeweave_cuda_aggregate_partial(&args);
  Tensor partial = at::empty({length}, x.options().dtype(at::kDouble));
  args.partial = partial.data_ptr<double>();
  if (cpu) {
    int64_t bytes = bytes_of(x) * (2 + 2 * (1 + args.pairs));
    check_cpu("temporal_aggregate_backward",
              run<TimeweaveAggregate, timeweave_cpu_aggregate_backward>(args, timeweave_cpu_aggregate_tasks(&args), bytes));
    check_cpu("temporal_aggregate_backward",
              run<TimeweaveAggregate, timeweave_cpu_aggregate_finish>(args, timeweave_cpu_aggregate_finish_tasks(&args),
                                                                      partial.nbytes()));
  } else {
    c10::DeviceGuard guard(x.device());
    check_cuda("temporal_aggregate_backward", timeweave_cuda_aggregate_backward(&args, x.device().index(), stream_of(x)));
  }
  return grad_weights.to(taps.scalar_type());
}

void shift(const Tensor& x, const Tensor& edge, int64_t frames, int64_t fold, int64_t step, bool one_way, const Tensor& y) {
  TimeweaveShift args{};
  args.shape = shape_of(x, frames);
  args.fold = fold;
  args.step = step;
  args.one_way = one_way;
  args.width = x.element_size();
  args.x = x.const_data_ptr();
  // The maps of one channel are dense in both layouts; those of `x` decide.
  Tensor outside = edge.defined() ? dense_as(x, edge) : edge;
  args.edge = edge.defined() ? outside.const_data_ptr() : nullptr;
  args.y = y.data_ptr();
  if (x.is_cpu()) {
    check_cpu("temporal_shift", run<TimeweaveShift, timeweave_cpu_shift>(args, timeweave_cpu_shift_tasks(&args), 2 * bytes_of(x)));
    return;
  }
  c10::DeviceGuard guard(x.device());
  check_cuda("temporal_shift", timeweave_cuda_shift(&args, x.device().index(), stream_of(x)));
}

void interlace_forward(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold, const Tensor& y) {
  if (is_cpu_half(x)) {
    Tensor wide = wide_room(y);
    interlace_forward(widen(x), offsets, weights, frames, fold, wide);
    y.copy_(wide);
    return;
  }
  Tensor o = parameters(x, offsets), w = parameters(x, weights);
  TimeweaveInterlace args = interlace_args(x, o, w, frames, fold);
  args.y = y.data_ptr();
  if (x.is_cpu()) {
    check_cpu("temporal_interlace", run<TimeweaveInterlace, timeweave_cpu_interlace_forward>(
                                        args, timeweave_cpu_interlace_tasks(&args), 2 * bytes_of(x)));
    return;
  }
  c10::DeviceGuard guard(x.device());
  check_cuda("temporal_interlace", timeweave_cuda_interlace_forward(&args, x.device().index(), stream_of(x)));
}

std::tuple<Tensor, Tensor> interlace_backward(const Tensor& grad, const Tensor& x, const Tensor& offsets, const Tensor& weights,
                                              int64_t frames, int64_t fold, const Tensor& grad_x) {
  if (is_cpu_half(x)) {
    Tensor wide = wide_room(grad_x);
    auto result = interlace_backward(widen(grad), widen(x), offsets, weights, frames, fold, wide);
    grad_x.copy_(wide);
    return result;
  }
  Tensor o = parameters(x, offsets), w = parameters(x, weights);
  Tensor grad_o = at::empty(o.sizes(), o.options()), grad_w = at::empty(w.sizes(), w.options());
  Tensor upstream = dense_as(x, grad);
  TimeweaveInterlace args = interlace_args(x, o, w, frames, fold);
  args.grad = upstream.const_data_ptr();
  args.grad_x = grad_x.data_ptr();
  args.grad_offsets = grad_o.data_ptr();
  args.grad_weights = grad_w.data_ptr();
  bool cpu = x.is_cpu();
  int64_t length = cpu ? timeweave_cpu_interlace_partial(&args) : timeweave_cuda_interlace_partial(&args);
  Tensor partial = sums_room(x, length);
  args.partial = partial.data_ptr<double>();
  if (cpu) {
    check_cpu("temporal_interlace_backward", run<TimeweaveInterlace, timeweave_cpu_interlace_backward>(
                                                 args, timeweave_cpu_interlace_tasks(&args), 3 * bytes_of(x)));
    check_cpu("temporal_interlace_backward", timeweave_cpu_interlace_finish(&args));
  } else {
    c10::DeviceGuard guard(x.device());
    check_cuda("temporal_interlace_backward", timeweave_cuda_interlace_backward(&args, x.device().index(), stream_of(x)));
  }
  return {grad_o.to(offsets.scalar_type()), grad_w.to(weights.scalar_type())};
}

}  // namespace timeweave
