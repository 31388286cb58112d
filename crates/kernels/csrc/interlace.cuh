// The kernels of TIN: interlacing by learnt offsets and weights.
#pragma once
#include "shape.cuh"

namespace timeweave {

// An offset as whole frames and a fraction; one that is no number makes its group NaN.
template <class A>
struct Move {
  int64_t whole;
  A near, far;
  TIMEWEAVE_BOTH Move(const TimeweaveInterlace& a, int64_t clip, int64_t group) {
    A offset = static_cast<const A*>(a.offsets)[clip * a.groups + group];
    // Frames beyond the clip are all alike. Twice its length is beyond it even where A rounds; NaN
    // compares false and lands there too.
    A bound = static_cast<A>(2 * a.shape.frames + 2);
    A bounded = offset < -bound ? -bound : offset < bound ? offset : bound;
    whole = static_cast<int64_t>(bounded);
    if (static_cast<A>(whole) > bounded) --whole;
    bool within = offset >= -bound && offset < bound;
    // Zero for a finite number, NaN for the others.
    far = within ? offset - static_cast<A>(whole) : (offset - offset) * 0;
    near = 1 - far;
  }
};

template <class A>
TIMEWEAVE_BOTH A weight_of(const TimeweaveInterlace& a, int64_t clip, int64_t t, int64_t group) {
  return static_cast<const A*>(a.weights)[(clip * a.shape.frames + t) * a.groups + group];
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
    int64_t clip = index, at = take(clip, packs) * V, t = take(clip, s.frames);
    int64_t channel = channel_of(s, at), offset = (clip * s.frames + t) * frame + at;
    T* y = static_cast<T*>(a.y) + offset;
    if (channel >= a.fold) {
      write<T, V>(read<T, V>(static_cast<const T*>(a.x) + offset), y);
      return;
    }
    int64_t group = divided(channel, divided(a.fold, a.groups));
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
    int64_t image = index, within = take(image, packs) * V, at = a.fold * s.plane + within;
    if (s.channels_last) {
      int64_t position = within, channel = take(position, kept);
      at = position * s.channels + a.fold + channel;
    }
    int64_t offset = image * frame + at;
    write<T, V>(read<T, V>(static_cast<const T*>(a.grad) + offset), static_cast<T*>(a.grad_x) + offset);
  }
};

constexpr int kInterlaceSteps = 4;
// Threads that add up the sums of the others, for each of the two products.
constexpr int kInterlaceAdders = 16;

// Packs of a group in one frame, and pieces of them that a block takes.
template <int V>
TIMEWEAVE_BOTH int64_t group_packs(const TimeweaveInterlace& a) { return divided(a.fold, a.groups) * a.shape.plane / V; }
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
  static constexpr int phases = 3;
  // Sums of memory that a block needs.
  static constexpr int64_t shared = 2 * (kThreads + kInterlaceAdders);

  TIMEWEAVE_BOTH static void run(const Args& a, int64_t block, int thread, int phase, A* shared) {
    const TimeweaveShape& s = a.shape;
    constexpr int share = kThreads / kInterlaceAdders;
    A* fewer = shared + 2 * kThreads;
    if (phase == 1) {
      if (thread >= 2 * kInterlaceAdders) return;
      A sum = 0;
      for (int other = 0; other < share; ++other) sum += shared[thread * share + other];
      fewer[thread] = sum;
      return;
    }
    if (phase == 2 && thread >= 2) return;
    int64_t pieces = group_pieces<V>(a), clip = block;
    int64_t piece = take(clip, pieces), group = take(clip, a.groups), t = take(clip, s.frames);
    Move<A> move(a, clip, group);
    if (phase == 0) {
      int64_t meets[2] = {t + move.whole, t + move.whole + 1};
      A sums[2] = {0, 0};
      products(a, move, meets, {clip, t, group}, piece * kInterlaceSteps * kThreads + thread, sums);
      shared[thread] = sums[0];
      shared[kThreads + thread] = sums[1];
      return;
    }
    int64_t met = t + move.whole + thread;
    if (!inside(met, s)) return;
    double sum = 0;
    for (int other = 0; other < kInterlaceAdders; ++other) sum += fewer[thread * kInterlaceAdders + other];
    a.partial[(((clip * pieces + piece) * a.groups + group) * s.frames + met) * 2 + thread] = sum;
  }

  struct Place {
    int64_t clip, t, group;
  };

  // The gradient of the data, and a thread's share of the two products; `first` is its first pack.
  TIMEWEAVE_BOTH static void products(const Args& a, const Move<A>& move, const int64_t (&meets)[2], const Place& place, int64_t first,
                                      A (&sums)[2]) {
    const TimeweaveShape& s = a.shape;
    A scales[2];
    for (int side = 0; side < 2; ++side) {
      A weight = inside(meets[side], s) ? weight_of<A>(a, place.clip, meets[side], place.group) : 0;
      scales[side] = weight * (side == 0 ? move.near : move.far);
    }
    int64_t width = divided(a.fold, a.groups), packs = group_packs<V>(a);
    for (int step = 0; step < kInterlaceSteps; ++step) {
      int64_t index = first + step * kThreads;
      if (index >= packs) return;
      int64_t within = index * V, at = place.group * width * s.plane + within;
      if (s.channels_last) {
        int64_t position = within, channel = take(position, width);
        at = position * s.channels + place.group * width + channel;
      }
      A near[V], far[V], x[V], sum[V];
      fetch<T, V>(s, a.grad, place.clip, meets[0], at, near);
      fetch<T, V>(s, a.grad, place.clip, meets[1], at, far);
      fetch<T, V>(s, a.x, place.clip, place.t, at, x);
      for (int i = 0; i < V; ++i) {
        sum[i] = scales[0] * near[i] + scales[1] * far[i];
        sums[0] += near[i] * x[i];
        sums[1] += far[i] * x[i];
      }
      store<T, V>(sum, static_cast<T*>(a.grad_x) + (place.clip * s.frames + place.t) * frame_of(s) + at);
    }
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
    int64_t clip = divided(index, a.groups), group = index - clip * a.groups, pieces = group_pieces<V>(a);
    Move<A> move(a, clip, group);
    double slope = 0;
    for (int64_t t = 0; t < a.shape.frames; ++t) {
      // A product that met no frame was never left.
      double sums[2] = {0, 0};
      for (int side = 0; side < 2; ++side)
        if (inside(t - move.whole - side, a.shape))
          for (int64_t piece = 0; piece < pieces; ++piece)
            sums[side] += a.partial[(((clip * pieces + piece) * a.groups + group) * a.shape.frames + t) * 2 + side];
      slope += weight_of<A>(a, clip, t, group) * (sums[1] - sums[0]);
      // Where nothing moves an offset that is no number changes nothing.
      static_cast<A*>(a.grad_weights)[(clip * a.shape.frames + t) * a.groups + group] =
          pieces == 0 ? 0 : static_cast<A>(move.near * sums[0] + move.far * sums[1]);
    }
    static_cast<A*>(a.grad_offsets)[index] = static_cast<A>(slope);
  }
};

}  // namespace timeweave
