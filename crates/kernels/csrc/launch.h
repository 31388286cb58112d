// The operations on tensors without gradients: the arguments are filled in and handed to the loops
// of the tensors' device.
#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <tuple>

namespace timeweave {

using at::Tensor;

// A map that is dense in one of the two layouts; anything else is copied into the layout it suggests.
Tensor dense(const Tensor& x);
// `other` in the layout of `x`, as it is where it has that.
Tensor dense_as(const Tensor& x, const Tensor& other);
// An uninitialised map in the layout of `x`, with its shape or the one given.
Tensor empty_as(const Tensor& x);
Tensor empty_as(const Tensor& x, at::IntArrayRef size);

// `y[1]` is undefined unless in the pair form. All maps are dense, in the layout of `x`.
void aggregate_forward(const Tensor& x, const Tensor& taps, int64_t frames, const std::array<Tensor, 2>& y);
// Writes the gradient of `x` and returns that of the taps, in their type.
Tensor aggregate_backward(const std::array<Tensor, 2>& grad, const Tensor& x, const Tensor& taps, const std::array<Tensor, 2>& y,
                          int64_t frames, const Tensor& grad_x);
// `edge` may be undefined.
void shift(const Tensor& x, const Tensor& edge, int64_t frames, int64_t fold, int64_t step, bool one_way, const Tensor& y);
void interlace_forward(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold, const Tensor& y);
// Writes the gradient of `x` and returns those of offsets and weights, in their types.
std::tuple<Tensor, Tensor> interlace_backward(const Tensor& grad, const Tensor& x, const Tensor& offsets, const Tensor& weights,
                                              int64_t frames, int64_t fold, const Tensor& grad_x);

}  // namespace timeweave
