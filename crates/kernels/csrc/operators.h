// The operations as the dispatcher knows them (library `timeweave`), with gradients and autocast: any user
// of libtorch in the process finds them under these schemas. Frames outside a clip are zero. An argument
// that does not fit is a c10::Error that names the operation, the argument and what was expected.
#pragma once
#include <ATen/core/Tensor.h>

#include <tuple>

namespace timeweave {

using at::Tensor;

// timeweave::temporal_aggregate(Tensor x, Tensor taps, int frames) -> Tensor
//   taps [r, C]; y[t] = ReLU(sum_j taps[j] x[t + j - r / 2])
Tensor temporal_aggregate(const Tensor& x, const Tensor& taps, int64_t frames);
// timeweave::temporal_aggregate_pairs(Tensor z, Tensor taps, int frames) -> (Tensor even, Tensor odd)
//   the same for clips of 2 * frames frames, of which 2k and 2k + 1 are both z[k]
std::tuple<Tensor, Tensor> temporal_aggregate_pairs(const Tensor& z, const Tensor& taps, int64_t frames);
// timeweave::temporal_shift(Tensor x, int frames, int fold, int step=1) -> Tensor
//   y[t] = x[t + step] in channels [0, fold), x[t - step] in [fold, 2 fold), x[t] in the others
Tensor temporal_shift(const Tensor& x, int64_t frames, int64_t fold, int64_t step);
// timeweave::temporal_shift_online(Tensor x, Tensor state, int frames) -> (Tensor y, Tensor state)
//   state [N, fold, H, W]; y[t] = x[t - 1] in channels [0, fold), state before the first frame
std::tuple<Tensor, Tensor> temporal_shift_online(const Tensor& x, const Tensor& state, int64_t frames);
// timeweave::temporal_interlace(Tensor x, Tensor offsets, Tensor weights, int frames, int fold) -> Tensor
//   offsets [N, G], weights [N, T, G]; y[t] = w[t] ((1 - f) x[t - b] + f x[t - b - 1]) with b = floor(o),
//   f = o - b in each of the G groups of channels [0, fold), x[t] in the others; a group whose offset is NaN
//   or infinite becomes NaN (the Rust function refuses it where asking costs nothing)
Tensor temporal_interlace(const Tensor& x, const Tensor& offsets, const Tensor& weights, int64_t frames, int64_t fold);

}  // namespace timeweave
