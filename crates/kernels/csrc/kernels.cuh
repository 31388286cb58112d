// The CUDA kernels as functions of (block, thread).
//
// nvcc makes kernels of them; a host build runs them over the whole grid in loops, so that their
// arithmetic, indexing and order of summation are tested where there is no GPU. A kernel that sums
// over the threads of a block does so in two phases with memory of the block between them: first
// every thread leaves its own sum, then some add them up, always in the same order.
#pragma once
#include "numbers.cuh"
#include "ops.h"

namespace timeweave {

constexpr int kThreads = 256;

TIMEWEAVE_BOTH int64_t frame_of(const TimeweaveShape& s) { return s.channels * s.plane; }
TIMEWEAVE_BOTH int64_t channel_of(const TimeweaveShape& s, int64_t at) { return s.channels_last ? at % s.channels : at / s.plane; }
TIMEWEAVE_BOTH bool inside(int64_t frame, const TimeweaveShape& s) { return frame >= 0 && frame < s.frames; }

// ---------------------------------------------------------------------------------- aggregation

// Frames away from its own that tap `tap` of output `out` looks; in the pair form frames 2k and
// 2k + 1 share map k.
TIMEWEAVE_BOTH int64_t shift_of(const TimeweaveAggregate& a, int64_t tap, int out) {
  int64_t distance = tap - a.taps / 2;
  if (!a.pairs) return distance;
  int64_t doubled = distance + out;
  return (doubled - (doubled < 0)) / 2;
}

// The weight with which output `out` sees the map `shift` frames away.
template <class A>
TIMEWEAVE_BOTH A weight_of(const TimeweaveAggregate& a, int out, int64_t shift, int64_t channel) {
  A sum = 0;
  for (int64_t tap = 0; tap < a.taps; ++tap)
    if (shift_of(a, tap, out) == shift) sum += static_cast<const A*>(a.weights)[tap * a.shape.channels + channel];
  return sum;
}

// The largest |shift| of any tap.
TIMEWEAVE_BOTH int64_t reach_of(const TimeweaveAggregate& a) {
  int64_t least = shift_of(a, 0, 0), most = shift_of(a, a.taps - 1, a.pairs ? 1 : 0);
  return -least > most ? -least : most;
}

// Rows of sums: (output, shift) in order.
TIMEWEAVE_BOTH int64_t rows_of(const TimeweaveAggregate& a) { return (1 + a.pairs) * (2 * reach_of(a) + 1); }

// A thread makes one pack of elements of all frames. NEAR: no tap looks further than one frame, so
// every frame is read once.
template <class T, int V, int OUTS, bool NEAR>
struct AggregateForward {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    int64_t frame = frame_of(a.shape), packs = frame / V, index = block * kThreads + thread;
    if (index >= a.shape.clips * packs) return;
    int64_t clip = index / packs, at = index % packs * V;
    const T* x = static_cast<const T*>(a.x) + clip * a.shape.frames * frame + at;
    T* y[2] = {};
    for (int out = 0; out < OUTS; ++out) y[out] = static_cast<T*>(a.y[out]) + clip * a.shape.frames * frame + at;
    if constexpr (NEAR) {
      A weights[OUTS][3][V];
      for (int out = 0; out < OUTS; ++out)
        for (int slot = 0; slot < 3; ++slot)
          for (int i = 0; i < V; ++i) weights[out][slot][i] = weight_of<A>(a, out, slot - 1, channel_of(a.shape, at + i));
      A past[V] = {}, here[V], next[V];
      load<T, V>(x, here);
      for (int64_t t = 0; t < a.shape.frames; ++t) {
        if (t + 1 < a.shape.frames) {
          load<T, V>(x + (t + 1) * frame, next);
        } else {
          for (int i = 0; i < V; ++i) next[i] = 0;
        }
        for (int out = 0; out < OUTS; ++out) {
          A sum[V];
          for (int i = 0; i < V; ++i) {
            sum[i] = past[i] * weights[out][0][i] + here[i] * weights[out][1][i] + next[i] * weights[out][2][i];
            sum[i] = sum[i] < 0 ? 0 : sum[i];
          }
          store<T, V>(sum, y[out] + t * frame);
        }
        for (int i = 0; i < V; ++i) past[i] = here[i], here[i] = next[i];
      }
    } else {
      for (int64_t t = 0; t < a.shape.frames; ++t)
        for (int out = 0; out < OUTS; ++out) {
          A sum[V] = {}, source[V];
          for (int64_t tap = 0; tap < a.taps; ++tap) {
            int64_t from = t + shift_of(a, tap, out);
            if (!inside(from, a.shape)) continue;
            load<T, V>(x + from * frame, source);
            for (int i = 0; i < V; ++i)
              sum[i] += source[i] * static_cast<const A*>(a.weights)[tap * a.shape.channels + channel_of(a.shape, at + i)];
          }
          for (int i = 0; i < V; ++i) sum[i] = sum[i] < 0 ? 0 : sum[i];
          store<T, V>(sum, y[out] + t * frame);
        }
    }
  }
};

// The upstream gradient of output `out` at a frame, zero where the ReLU was closed or there is none.
template <class T, int V>
TIMEWEAVE_BOTH void gated(const TimeweaveAggregate& a, int out, int64_t clip, int64_t t, int64_t at, typename Sums<T>::type (&m)[V]) {
  if (!inside(t, a.shape)) {
    for (int i = 0; i < V; ++i) m[i] = 0;
    return;
  }
  int64_t offset = (clip * a.shape.frames + t) * frame_of(a.shape) + at;
  typename Sums<T>::type y[V];
  load<T, V>(static_cast<const T*>(a.grad[out]) + offset, m);
  load<T, V>(static_cast<const T*>(a.y[out]) + offset, y);
  for (int i = 0; i < V; ++i) m[i] = y[i] <= 0 ? 0 : m[i];
}

// How a block that sums per channel divides a frame: columns of channels, lanes along the plane.
// Channel by channel a column is one channel and its lanes take packs of neighbouring elements;
// position by position a column is a pack of channels and its lanes take positions.
template <int V>
struct Tiles {
  int64_t columns, lanes, channels, steps, column_blocks, pieces;
  TIMEWEAVE_BOTH explicit Tiles(const TimeweaveShape& s) {
    columns = s.channels_last ? 32 : 8;
    lanes = kThreads / columns;
    channels = s.channels_last ? V : 1;
    // Elements that a lane takes, one after the other.
    steps = 8;
    column_blocks = (s.channels + columns * channels - 1) / (columns * channels);
    int64_t per_piece = lanes * steps * (s.channels_last ? 1 : V);
    pieces = (s.plane + per_piece - 1) / per_piece;
  }
  TIMEWEAVE_BOTH int64_t blocks(const TimeweaveShape& s) const { return s.clips * pieces * column_blocks; }
  TIMEWEAVE_BOTH int64_t column(const TimeweaveShape& s, int thread) const { return s.channels_last ? thread % columns : thread / lanes; }
  TIMEWEAVE_BOTH int64_t lane(const TimeweaveShape& s, int thread) const { return s.channels_last ? thread / columns : thread % lanes; }
};

// Gradients of the data and of the weights in one pass, for taps that look one frame away at most.
// Each lane leaves its sums in `shared`; they become `partial[clip, piece, row, channel]`.
template <class T, int V, int OUTS>
struct AggregateBackward {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 2;
  static constexpr int rows = 3 * OUTS;

  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int phase, A* shared) {
    const TimeweaveShape& s = a.shape;
    Tiles<V> tiles(s);
    int64_t column_block = block % tiles.column_blocks, piece = block / tiles.column_blocks % tiles.pieces;
    int64_t clip = block / tiles.column_blocks / tiles.pieces;
    int64_t width = tiles.columns * tiles.channels, first = column_block * width;
    if (phase == 0) {
      int64_t column = tiles.column(s, thread), lane = tiles.lane(s, thread);
      A sums[rows][V] = {};
      int64_t channel = first + column * tiles.channels;
      if (channel < s.channels)
        for (int64_t step = 0; step < tiles.steps; ++step) {
          int64_t along = (piece * tiles.steps + step) * tiles.lanes + lane;
          if (!s.channels_last) along *= V;
          if (along >= s.plane) break;
          frames(a, clip, s.channels_last ? along * s.channels + channel : channel * s.plane + along, channel, sums);
        }
      for (int row = 0; row < rows; ++row)
        if (s.channels_last) {
          for (int i = 0; i < V; ++i) shared[(lane * rows + row) * width + column * V + i] = sums[row][i];
        } else {
          A sum = 0;
          for (int i = 0; i < V; ++i) sum += sums[row][i];
          shared[(lane * rows + row) * width + column] = sum;
        }
      return;
    }
    for (int64_t index = thread; index < rows * width; index += kThreads) {
      int64_t row = index / width, channel = first + index % width;
      if (channel >= s.channels) continue;
      double sum = 0;
      for (int64_t lane = 0; lane < tiles.lanes; ++lane) sum += shared[lane * rows * width + index];
      a.partial[((clip * tiles.pieces + piece) * rows + row) * s.channels + channel] = sum;
    }
  }

  // All frames of one pack of elements.
  TIMEWEAVE_BOTH static void frames(const Args& a, int64_t clip, int64_t at, int64_t channel, A (&sums)[rows][V]) {
    A weights[rows][V];
    for (int row = 0; row < rows; ++row)
      for (int i = 0; i < V; ++i)
        weights[row][i] = weight_of<A>(a, row / 3, row % 3 - 1, a.shape.channels_last ? channel + i : channel);
    // Slot 0 looked back, so it meets the gradient of the frame after.
    A m[OUTS][3][V];
    for (int out = 0; out < OUTS; ++out) {
      for (int i = 0; i < V; ++i) m[out][2][i] = 0;
      gated<T, V>(a, out, clip, 0, at, m[out][1]);
    }
    for (int64_t t = 0; t < a.shape.frames; ++t) {
      int64_t offset = (clip * a.shape.frames + t) * frame_of(a.shape) + at;
      A x[V], sum[V] = {};
      load<T, V>(static_cast<const T*>(a.x) + offset, x);
      for (int out = 0; out < OUTS; ++out) gated<T, V>(a, out, clip, t + 1, at, m[out][0]);
      for (int row = 0; row < rows; ++row)
        for (int i = 0; i < V; ++i) {
          sum[i] += weights[row][i] * m[row / 3][row % 3][i];
          sums[row][i] += x[i] * m[row / 3][row % 3][i];
        }
      store<T, V>(sum, static_cast<T*>(a.grad_x) + offset);
      for (int out = 0; out < OUTS; ++out)
        for (int i = 0; i < V; ++i) m[out][2][i] = m[out][1][i], m[out][1][i] = m[out][0][i];
    }
  }
};

// Any number of taps: the gradient of the data, one element of one frame per thread.
template <class T>
struct AggregateData {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    int64_t frame = frame_of(a.shape), index = block * kThreads + thread;
    if (index >= a.shape.clips * a.shape.frames * frame) return;
    int64_t at = index % frame, t = index / frame % a.shape.frames, clip = index / frame / a.shape.frames;
    A sum[1] = {0}, m[1];
    for (int out = 0; out < 1 + a.pairs; ++out)
      for (int64_t tap = 0; tap < a.taps; ++tap) {
        gated<T, 1>(a, out, clip, t - shift_of(a, tap, out), at, m);
        sum[0] += m[0] * static_cast<const A*>(a.weights)[tap * a.shape.channels + channel_of(a.shape, at)];
      }
    store<T, 1>(sum, static_cast<T*>(a.grad_x) + index);
  }
};

// Any number of taps: the sums of one row of weights per block.
template <class T>
struct AggregateWeights {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 2;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int phase, A* shared) {
    const TimeweaveShape& s = a.shape;
    Tiles<1> tiles(s);
    int64_t rows = rows_of(a), reach = reach_of(a), row = block % rows;
    int64_t column_block = block / rows % tiles.column_blocks, piece = block / rows / tiles.column_blocks % tiles.pieces;
    int64_t clip = block / rows / tiles.column_blocks / tiles.pieces;
    int out = static_cast<int>(row / (2 * reach + 1));
    int64_t shift = row % (2 * reach + 1) - reach, first = column_block * tiles.columns;
    if (phase == 0) {
      int64_t column = tiles.column(s, thread), lane = tiles.lane(s, thread), channel = first + column;
      A sum = 0;
      if (channel < s.channels)
        for (int64_t step = 0; step < tiles.steps; ++step) {
          int64_t along = (piece * tiles.steps + step) * tiles.lanes + lane;
          if (along >= s.plane) break;
          int64_t at = s.channels_last ? along * s.channels + channel : channel * s.plane + along;
          for (int64_t t = 0; t < s.frames; ++t) {
            A m[1], x[1];
            gated<T, 1>(a, out, clip, t - shift, at, m);
            load<T, 1>(static_cast<const T*>(a.x) + (clip * s.frames + t) * frame_of(s) + at, x);
            sum += m[0] * x[0];
          }
        }
      shared[lane * tiles.columns + column] = sum;
      return;
    }
    if (thread >= tiles.columns || first + thread >= s.channels) return;
    double sum = 0;
    for (int64_t lane = 0; lane < tiles.lanes; ++lane) sum += shared[lane * tiles.columns + thread];
    a.partial[((clip * tiles.pieces + piece) * rows + row) * s.channels + first + thread] = sum;
  }
};

// Adds the blocks' sums up, one weight per thread. V is that of the kernel that left them.
template <class T, int V>
struct AggregateFinish {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    int64_t index = block * kThreads + thread, c = a.shape.channels;
    if (index >= a.taps * c) return;
    int64_t reach = reach_of(a) < 1 ? 1 : reach_of(a), width = 2 * reach + 1, rows = (1 + a.pairs) * width;
    int64_t tap = index / c, channel = index % c, count = a.shape.clips * Tiles<V>(a.shape).pieces;
    double sum = 0;
    for (int out = 0; out < 1 + a.pairs; ++out) {
      int64_t row = out * width + shift_of(a, tap, out) + reach;
      for (int64_t at = 0; at < count; ++at) sum += a.partial[(at * rows + row) * c + channel];
    }
    static_cast<A*>(a.grad_weights)[index] = static_cast<A>(sum);
  }
};

// ---------------------------------------------------------------------------------------- shift

// One pack of one frame per thread; T is an unsigned integer as wide as an element.
template <class T, int V>
struct ShiftCopy {
  using Args = TimeweaveShift;
  using A = float;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    const TimeweaveShape& s = a.shape;
    int64_t frame = frame_of(s), packs = frame / V, index = block * kThreads + thread;
    if (index >= s.clips * s.frames * packs) return;
    int64_t at = index % packs * V, t = index / packs % s.frames, clip = index / packs / s.frames;
    int64_t channel = channel_of(s, at), end = a.one_way ? a.fold : 2 * a.fold;
    int64_t from = t + (channel < a.fold ? a.step : channel < end ? -a.step : 0);
    Pack<T, V> pack = {};
    if (inside(from, s)) {
      pack = *reinterpret_cast<const Pack<T, V>*>(static_cast<const T*>(a.x) + (clip * s.frames + from) * frame + at);
    } else if (channel < a.fold && a.edge != nullptr) {
      int64_t within = s.channels_last ? at / s.channels * a.fold + channel : at;
      pack = *reinterpret_cast<const Pack<T, V>*>(static_cast<const T*>(a.edge) + clip * a.fold * s.plane + within);
    }
    *reinterpret_cast<Pack<T, V>*>(static_cast<T*>(a.y) + (clip * s.frames + t) * frame + at) = pack;
  }
};

// ---------------------------------------------------------------------------------- interlacing

// An offset as whole frames and a fraction; one that is no number makes its group NaN.
template <class A>
struct Move {
  int64_t whole;
  A near, far;
  TIMEWEAVE_BOTH Move(const TimeweaveInterlace& a, int64_t clip, int64_t group) {
    A offset = static_cast<const A*>(a.offsets)[clip * a.groups + group];
    double bound = static_cast<double>(a.shape.frames) + 1;
    // Frames beyond the clip are all alike; NaN compares false and lands there too.
    double down = offset < -bound ? -bound : offset < bound ? static_cast<double>(offset) : bound;
    whole = static_cast<int64_t>(down);
    if (static_cast<double>(whole) > down) --whole;
    A floor = static_cast<A>(whole), fraction = offset - floor;
    if (!(offset >= -bound && offset < bound)) fraction = (offset - offset) * 0;
    near = 1 - fraction;
    far = fraction;
  }
};

template <class A>
TIMEWEAVE_BOTH A weight_of(const TimeweaveInterlace& a, int64_t clip, int64_t t, int64_t group) {
  return static_cast<const A*>(a.weights)[(clip * a.shape.frames + t) * a.groups + group];
}

// `to = near_scale source[t + by] + far_scale source[t + by2]`, where both are inside the clip.
template <class T, int V>
TIMEWEAVE_BOTH void fetch(const TimeweaveShape& s, const void* source, int64_t clip, int64_t t, int64_t at, typename Sums<T>::type (&to)[V]) {
  if (inside(t, s)) {
    load<T, V>(static_cast<const T*>(source) + (clip * s.frames + t) * frame_of(s) + at, to);
  } else {
    for (int i = 0; i < V; ++i) to[i] = 0;
  }
}

// One pack of one frame per thread; also the copy of the channels that stay.
template <class T, int V>
struct InterlaceForward {
  using Args = TimeweaveInterlace;
  using A = typename Sums<T>::type;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    const TimeweaveShape& s = a.shape;
    int64_t frame = frame_of(s), packs = frame / V, index = block * kThreads + thread;
    if (index >= s.clips * s.frames * packs) return;
    int64_t at = index % packs * V, t = index / packs % s.frames, clip = index / packs / s.frames;
    int64_t channel = channel_of(s, at), offset = (clip * s.frames + t) * frame + at;
    T* y = static_cast<T*>(a.y) + offset;
    if (channel >= a.fold) {
      *reinterpret_cast<Pack<T, V>*>(y) = *reinterpret_cast<const Pack<T, V>*>(static_cast<const T*>(a.x) + offset);
      return;
    }
    int64_t group = channel / (a.fold / a.groups);
    Move<A> move(a, clip, group);
    A weight = weight_of<A>(a, clip, t, group), near[V], far[V], sum[V];
    fetch<T, V>(s, a.x, clip, t - move.whole, at, near);
    fetch<T, V>(s, a.x, clip, t - move.whole - 1, at, far);
    for (int i = 0; i < V; ++i) sum[i] = weight * move.near * near[i] + weight * move.far * far[i];
    store<T, V>(sum, y);
  }
};

// The channels that stay: their gradient is a copy.
template <class T, int V>
struct InterlaceKeep {
  using Args = TimeweaveInterlace;
  using A = typename Sums<T>::type;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    const TimeweaveShape& s = a.shape;
    int64_t frame = frame_of(s), kept = s.channels - a.fold, packs = kept * s.plane / V, index = block * kThreads + thread;
    if (index >= s.clips * s.frames * packs) return;
    int64_t within = index % packs * V;
    int64_t at = s.channels_last ? within / kept * s.channels + a.fold + within % kept : a.fold * s.plane + within;
    int64_t offset = index / packs * frame + at;
    *reinterpret_cast<Pack<T, V>*>(static_cast<T*>(a.grad_x) + offset) =
        *reinterpret_cast<const Pack<T, V>*>(static_cast<const T*>(a.grad) + offset);
  }
};

constexpr int kInterlaceSteps = 4;

// Packs of a group in one frame, and pieces of them that a block takes.
template <int V>
TIMEWEAVE_BOTH int64_t group_packs(const TimeweaveInterlace& a) { return a.fold / a.groups * a.shape.plane / V; }
template <int V>
TIMEWEAVE_BOTH int64_t group_pieces(const TimeweaveInterlace& a) {
  int64_t per_block = kThreads * kInterlaceSteps;
  return (group_packs<V>(a) + per_block - 1) / per_block;
}

// The channels that move: a block takes a piece of one group in frame `t` of the input, whose two
// products with the upstream gradient go to `partial[clip, piece, group, frame, near or far]`.
template <class T, int V>
struct InterlaceBackward {
  using Args = TimeweaveInterlace;
  using A = typename Sums<T>::type;
  static constexpr int phases = 2;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int phase, A* shared) {
    const TimeweaveShape& s = a.shape;
    int64_t pieces = group_pieces<V>(a), piece = block % pieces, group = block / pieces % a.groups;
    int64_t t = block / pieces / a.groups % s.frames, clip = block / pieces / a.groups / s.frames;
    Move<A> move(a, clip, group);
    int64_t meets[2] = {t + move.whole, t + move.whole + 1};
    if (phase == 0) {
      A scales[2], sums[2] = {0, 0};
      for (int side = 0; side < 2; ++side) {
        A share = side == 0 ? move.near : move.far;
        scales[side] = (inside(meets[side], s) ? weight_of<A>(a, clip, meets[side], group) : 0) * share;
      }
      int64_t width = a.fold / a.groups;
      for (int step = 0; step < kInterlaceSteps; ++step) {
        int64_t index = (piece * kInterlaceSteps + step) * kThreads + thread;
        if (index >= group_packs<V>(a)) break;
        int64_t within = index * V;
        int64_t at = s.channels_last ? within / width * s.channels + group * width + within % width : group * width * s.plane + within;
        A near[V], far[V], x[V], sum[V];
        fetch<T, V>(s, a.grad, clip, meets[0], at, near);
        fetch<T, V>(s, a.grad, clip, meets[1], at, far);
        int64_t offset = (clip * s.frames + t) * frame_of(s) + at;
        load<T, V>(static_cast<const T*>(a.x) + offset, x);
        for (int i = 0; i < V; ++i) {
          sum[i] = scales[0] * near[i] + scales[1] * far[i];
          sums[0] += near[i] * x[i];
          sums[1] += far[i] * x[i];
        }
        store<T, V>(sum, static_cast<T*>(a.grad_x) + offset);
      }
      shared[thread] = sums[0];
      shared[kThreads + thread] = sums[1];
      return;
    }
    if (thread >= 2 || !inside(meets[thread], s)) return;
    double sum = 0;
    for (int other = 0; other < kThreads; ++other) sum += shared[thread * kThreads + other];
    a.partial[(((clip * pieces + piece) * a.groups + group) * s.frames + meets[thread]) * 2 + thread] = sum;
  }
};

// Adds the blocks' sums up, one clip and group per thread.
template <class T, int V>
struct InterlaceFinish {
  using Args = TimeweaveInterlace;
  using A = typename Sums<T>::type;
  static constexpr int phases = 1;
  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int, A*) {
    int64_t index = block * kThreads + thread;
    if (index >= a.shape.clips * a.groups) return;
    int64_t clip = index / a.groups, group = index % a.groups, pieces = group_pieces<V>(a);
    Move<A> move(a, clip, group);
    double slope = 0;
    for (int64_t t = 0; t < a.shape.frames; ++t) {
      double near = 0, far = 0;
      for (int64_t piece = 0; piece < pieces; ++piece) {
        const double* sums = a.partial + (((clip * pieces + piece) * a.groups + group) * a.shape.frames + t) * 2;
        near += sums[0];
        far += sums[1];
      }
      slope += weight_of<A>(a, clip, t, group) * (far - near);
      static_cast<A*>(a.grad_weights)[(clip * a.shape.frames + t) * a.groups + group] = static_cast<A>(move.near * near + move.far * far);
    }
    static_cast<A*>(a.grad_offsets)[index] = static_cast<A>(slope);
  }
};

}  // namespace timeweave
