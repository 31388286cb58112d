// The operations as the dispatcher knows them (library `timeweave`), with gradients and autocast.
#pragma once
#include <ATen/core/Tensor.h>

#include <tuple>

namespace timeweave {

using at::Tensor;

Tensor temporal_aggregate(const Tensor& x, const Tensor& taps, int64_t frames);
std::tuple<Tensor, Tensor> temporal_aggregate_pairs(const Tensor& z, const Tensor& taps, int64_t frames);
Tensor temporal_shift(const Tensor& x, int64_t frames, int64_t fold, int64_t step);
std::tuple<Tensor, Tensor> temporal_shift_online(const Tensor& x, const Tensor& state, int64_t frames);
Tensor temporal_interlace(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold);

}  // namespace timeweave
