// What the kernels share: indices, and how a block that sums per channel divides a frame.
//
// A kernel is a function of (block, thread, phase). nvcc makes kernels for the device of them (cuda.cu);
// a host build runs them over the whole grid in loops (host_grid.cpp), so that their arithmetic, indexing
// and order of summation are tested where there is no GPU. A kernel that sums over the threads of a block
// does so in phases with memory of the block between them: what a phase reads of another thread, that
// thread left in an earlier phase, and the order of the additions is always the same.
#pragma once
#include "numbers.cuh"
#include "ops.h"

namespace timeweave {

constexpr int kThreads = 256;

// The quotient of two numbers that are not negative. A 64-bit division is a long subroutine on a GPU, and
// few maps need one.
TIMEWEAVE_BOTH int64_t divided(int64_t a, int64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<uint32_t>(a) / static_cast<uint32_t>(b);
  return a / b;
}

// The remainder of `index` by `count`; `index` becomes the quotient.
TIMEWEAVE_BOTH int64_t take(int64_t& index, int64_t count) {
  int64_t quotient = divided(index, count), remainder = index - quotient * count;
  index = quotient;
  return remainder;
}

TIMEWEAVE_BOTH int64_t frame_of(const TimeweaveShape& s) { return s.channels * s.plane; }
TIMEWEAVE_BOTH bool inside(int64_t frame, const TimeweaveShape& s) { return frame >= 0 && frame < s.frames; }

// The channel of element `at` of a frame.
TIMEWEAVE_BOTH int64_t channel_of(const TimeweaveShape& s, int64_t at) {
  int64_t plane = divided(at, s.channels_last ? s.channels : s.plane);
  return s.channels_last ? at - plane * s.channels : plane;
}

// The channels of the V elements from `at` on.
template <int V>
TIMEWEAVE_BOTH void channels_of(const TimeweaveShape& s, int64_t at, int64_t (&channel)[V]) {
  int64_t length = s.channels_last ? s.channels : s.plane, row = at, within = take(row, length);
  for (int i = 0; i < V; ++i) {
    channel[i] = s.channels_last ? within : row;
    if (++within == length) within = 0, ++row;
  }
}

// V elements at `at` of frame `t`, or zeros outside the clip.
template <class T, int V>
TIMEWEAVE_BOTH void fetch(const TimeweaveShape& s, const void* source, int64_t clip, int64_t t, int64_t at,
                          typename Sums<T>::type (&to)[V]) {
  if (inside(t, s)) {
    load<T, V>(static_cast<const T*>(source) + (clip * s.frames + t) * frame_of(s) + at, to);
  } else {
    for (int i = 0; i < V; ++i) to[i] = 0;
  }
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
    column_blocks = divided(s.channels + columns * channels - 1, columns * channels);
    int64_t per_piece = lanes * steps * (s.channels_last ? 1 : V);
    pieces = divided(s.plane + per_piece - 1, per_piece);
  }
  TIMEWEAVE_BOTH int64_t blocks(const TimeweaveShape& s) const { return s.clips * pieces * column_blocks; }
  TIMEWEAVE_BOTH int column(const TimeweaveShape& s, int thread) const {
    return s.channels_last ? thread % 32 : thread / (kThreads / 8);
  }
  TIMEWEAVE_BOTH int lane(const TimeweaveShape& s, int thread) const {
    return s.channels_last ? thread / 32 : thread % (kThreads / 8);
  }
};

// How a block that sums per channel takes small planes, channel by channel: whole ones one after the other,
// in packs that may reach from one plane into the next, a pack for each thread.
template <int V>
struct Planes {
  // The fewest channels whose elements are whole packs; the channels of a block; blocks of a clip.
  int64_t least, channels, blocks;
  TIMEWEAVE_BOTH explicit Planes(const TimeweaveShape& s) {
    least = 1;
    // V is a power of two.
    while (least * s.plane % V != 0) least *= 2;
    channels = divided(kThreads * V, least * s.plane) * least;
    blocks = channels == 0 ? 0 : divided(s.channels + channels - 1, channels);
  }
  // Whether planes are smaller than a pack for each lane of a warp, and clips are whole packs of them.
  TIMEWEAVE_BOTH bool serve(const TimeweaveShape& s) const { return !s.channels_last && s.plane < 32 * V && s.channels % least == 0; }
};

}  // namespace timeweave
