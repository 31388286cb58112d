// The kernels of TAM: aggregation, in the plain and in the pair form.
#pragma once
#include "shape.cuh"

namespace timeweave {

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
    int64_t at = take(index, packs) * V, start = index * a.shape.frames * frame + at;
    int64_t channel[V];
    channels_of<V>(a.shape, at, channel);
    const T* x = static_cast<const T*>(a.x) + start;
    T* y[OUTS];
    for (int out = 0; out < OUTS; ++out) y[out] = static_cast<T*>(a.y[out]) + start;
    if constexpr (NEAR) {
      neighbours(a, channel, x, y);
    } else {
      any(a, channel, x, y);
    }
  }

  TIMEWEAVE_BOTH static void rectify(A (&sum)[V]) {
    for (int i = 0; i < V; ++i) sum[i] = sum[i] < 0 ? 0 : sum[i];
  }

  TIMEWEAVE_BOTH static void neighbours(const Args& a, const int64_t (&channel)[V], const T* x, T* const (&y)[OUTS]) {
    int64_t frame = frame_of(a.shape);
    A weights[OUTS][3][V];
    TIMEWEAVE_UNROLL
    for (int out = 0; out < OUTS; ++out) {
      TIMEWEAVE_UNROLL
      for (int slot = 0; slot < 3; ++slot) {
        TIMEWEAVE_UNROLL
        for (int i = 0; i < V; ++i) weights[out][slot][i] = weight_of<A>(a, out, slot - 1, channel[i]);
      }
    }
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
        for (int i = 0; i < V; ++i)
          sum[i] = past[i] * weights[out][0][i] + here[i] * weights[out][1][i] + next[i] * weights[out][2][i];
        rectify(sum);
        store<T, V>(sum, y[out] + t * frame);
      }
      for (int i = 0; i < V; ++i) past[i] = here[i], here[i] = next[i];
    }
  }

  TIMEWEAVE_BOTH static void any(const Args& a, const int64_t (&channel)[V], const T* x, T* const (&y)[OUTS]) {
    int64_t frame = frame_of(a.shape);
    for (int64_t t = 0; t < a.shape.frames; ++t)
      for (int out = 0; out < OUTS; ++out) {
        A sum[V] = {}, source[V];
        for (int64_t tap = 0; tap < a.taps; ++tap) {
          int64_t from = t + shift_of(a, tap, out);
          if (!inside(from, a.shape)) continue;
          load<T, V>(x + from * frame, source);
          const A* weights = static_cast<const A*>(a.weights) + tap * a.shape.channels;
          for (int i = 0; i < V; ++i) sum[i] += source[i] * weights[channel[i]];
        }
        rectify(sum);
        store<T, V>(sum, y[out] + t * frame);
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
  load<T, V>(static_cast<const T*>(out == 0 ? a.grad[0] : a.grad[1]) + offset, m);
  load<T, V>(static_cast<const T*>(out == 0 ? a.y[0] : a.y[1]) + offset, y);
  for (int i = 0; i < V; ++i) m[i] = y[i] <= 0 ? 0 : m[i];
}

// Gradients of the data and of the weights in one pass, for taps that look one frame away at most.
// Each lane leaves its sums in `shared`; they become `partial[clip, piece, row, channel]`.
template <class T, int V, int OUTS>
struct AggregateBackward {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 2;
  static constexpr int rows = 3 * OUTS;

  // Sums of memory that a block needs.
  static int64_t shared_of(const Tiles<V>& tiles) { return tiles.lanes * rows * tiles.columns * tiles.channels; }

  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int phase, A* shared) {
    const TimeweaveShape& s = a.shape;
    Tiles<V> tiles(s);
    int64_t clip = block, column_block = take(clip, tiles.column_blocks), piece = take(clip, tiles.pieces);
    int64_t width = tiles.columns * tiles.channels, first = column_block * width;
    if (phase == 0) {
      A sums[rows][V] = {};
      int64_t channel = first + tiles.column(s, thread) * tiles.channels;
      if (channel < s.channels) lane_sums(a, tiles, clip, piece, channel, tiles.lane(s, thread), sums);
      for (int row = 0; row < rows; ++row) leave(s, sums[row], shared + (tiles.lane(s, thread) * rows + row) * width, tiles.column(s, thread));
      return;
    }
    for (int64_t index = thread; index < rows * width; index += kThreads) {
      int64_t row = divided(index, width), channel = first + index - row * width;
      if (channel >= s.channels) continue;
      double sum = 0;
      for (int64_t lane = 0; lane < tiles.lanes; ++lane) sum += shared[lane * rows * width + index];
      a.partial[((clip * tiles.pieces + piece) * rows + row) * s.channels + channel] = sum;
    }
  }

  // The sums of a lane as those of its column's channels.
  TIMEWEAVE_BOTH static void leave(const TimeweaveShape& s, const A (&sums)[V], A* to, int column) {
    if (s.channels_last) {
      for (int i = 0; i < V; ++i) to[column * V + i] = sums[i];
      return;
    }
    A sum = 0;
    for (int i = 0; i < V; ++i) sum += sums[i];
    to[column] = sum;
  }

  TIMEWEAVE_BOTH static void lane_sums(const Args& a, const Tiles<V>& tiles, int64_t clip, int64_t piece, int64_t channel, int lane,
                                       A (&sums)[rows][V]) {
    const TimeweaveShape& s = a.shape;
    A weights[rows][V];
    TIMEWEAVE_UNROLL
    for (int row = 0; row < rows; ++row) {
      TIMEWEAVE_UNROLL
      for (int i = 0; i < V; ++i) weights[row][i] = weight_of<A>(a, row / 3, row % 3 - 1, s.channels_last ? channel + i : channel);
    }
    for (int64_t step = 0; step < tiles.steps; ++step) {
      int64_t along = (piece * tiles.steps + step) * tiles.lanes + lane;
      if (!s.channels_last) along *= V;
      if (along >= s.plane) return;
      frames(a, clip, s.channels_last ? along * s.channels + channel : channel * s.plane + along, weights, sums);
    }
  }

  // All frames of one pack of elements.
  TIMEWEAVE_BOTH static void frames(const Args& a, int64_t clip, int64_t at, const A (&weights)[rows][V], A (&sums)[rows][V]) {
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

// The same for small planes: a thread's pack may have elements of several channels, so each element leaves
// its own sums. They become `partial[clip, row, channel]`.
template <class T, int V, int OUTS>
struct AggregatePlanes {
  using Args = TimeweaveAggregate;
  using A = typename Sums<T>::type;
  static constexpr int phases = 2;
  static constexpr int rows = 3 * OUTS;
  // Sums of memory that a block needs: a row of all its elements, row after row.
  static constexpr int64_t width = kThreads * V, shared = rows * width;

  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int phase, A* shared) {
    const TimeweaveShape& s = a.shape;
    Planes<V> planes(s);
    int64_t clip = block, first = take(clip, planes.blocks) * planes.channels;
    int64_t channels = s.channels - first < planes.channels ? s.channels - first : planes.channels;
    if (phase == 0) {
      int64_t within = static_cast<int64_t>(thread) * V;
      if (within < channels * s.plane) element_sums(a, clip, first * s.plane + within, shared + within);
      return;
    }
    for (int64_t index = thread; index < rows * channels; index += kThreads) {
      int64_t row = divided(index, channels), channel = index - row * channels;
      const A* from = shared + row * width + channel * s.plane;
      double sum = 0;
      for (int64_t i = 0; i < s.plane; ++i) sum += from[i];
      a.partial[(clip * rows + row) * s.channels + first + channel] = sum;
    }
  }

  TIMEWEAVE_BOTH static void element_sums(const Args& a, int64_t clip, int64_t at, A* to) {
    int64_t channel[V];
    channels_of<V>(a.shape, at, channel);
    A weights[rows][V], sums[rows][V] = {};
    TIMEWEAVE_UNROLL
    for (int row = 0; row < rows; ++row) {
      TIMEWEAVE_UNROLL
      for (int i = 0; i < V; ++i) weights[row][i] = weight_of<A>(a, row / 3, row % 3 - 1, channel[i]);
    }
    AggregateBackward<T, V, OUTS>::frames(a, clip, at, weights, sums);
    TIMEWEAVE_UNROLL
    for (int row = 0; row < rows; ++row) {
      TIMEWEAVE_UNROLL
      for (int i = 0; i < V; ++i) to[row * width + i] = sums[row][i];
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
    int64_t clip = index, at = take(clip, frame), t = take(clip, a.shape.frames), channel = channel_of(a.shape, at);
    A sum[1] = {0}, m[1];
    for (int out = 0; out < 1 + a.pairs; ++out)
      for (int64_t tap = 0; tap < a.taps; ++tap) {
        gated<T, 1>(a, out, clip, t - shift_of(a, tap, out), at, m);
        sum[0] += m[0] * static_cast<const A*>(a.weights)[tap * a.shape.channels + channel];
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
    int64_t clip = block, rows = rows_of(a), reach = reach_of(a), row = take(clip, rows);
    int64_t first = take(clip, tiles.column_blocks) * tiles.columns, piece = take(clip, tiles.pieces);
    if (phase == 0) {
      int64_t channel = first + tiles.column(s, thread);
      int out = row > 2 * reach ? 1 : 0;
      int64_t shift = row - out * (2 * reach + 1) - reach;
      int lane = tiles.lane(s, thread);
      A sum = 0;
      if (channel < s.channels)
        for (int64_t step = 0; step < tiles.steps; ++step) {
          int64_t along = (piece * tiles.steps + step) * tiles.lanes + lane;
          if (along >= s.plane) break;
          sum += product(a, out, shift, clip, s.channels_last ? along * s.channels + channel : channel * s.plane + along);
        }
      shared[lane * tiles.columns + tiles.column(s, thread)] = sum;
      return;
    }
    if (thread >= tiles.columns || first + thread >= s.channels) return;
    double sum = 0;
    for (int64_t lane = 0; lane < tiles.lanes; ++lane) sum += shared[lane * tiles.columns + thread];
    a.partial[((clip * tiles.pieces + piece) * rows + row) * s.channels + first + thread] = sum;
  }

  // The sum over the frames of an element times the gradient that it meets.
  TIMEWEAVE_BOTH static A product(const Args& a, int out, int64_t shift, int64_t clip, int64_t at) {
    A sum = 0, m[1], x[1];
    for (int64_t t = 0; t < a.shape.frames; ++t) {
      gated<T, 1>(a, out, clip, t - shift, at, m);
      fetch<T, 1>(a.shape, a.x, clip, t, at, x);
      sum += m[0] * x[0];
    }
    return sum;
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
    int64_t tap = divided(index, c), channel = index - tap * c, count = a.shape.clips * Tiles<V>(a.shape).pieces;
    double sum = 0;
    for (int out = 0; out < 1 + a.pairs; ++out) {
      int64_t row = out * width + shift_of(a, tap, out) + reach;
      for (int64_t at = 0; at < count; ++at) sum += a.partial[(at * rows + row) * c + channel];
    }
    static_cast<A*>(a.grad_weights)[index] = static_cast<A>(sum);
  }
};

}  // namespace timeweave
