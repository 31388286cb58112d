// Which kernel, how many blocks: the same for the device (cuda.cu) and for the host (host_grid.cpp).
//
// `Launcher::run<Kernel>(args, blocks, shared)` runs the phases of a kernel over `blocks` blocks with
// `shared` sums of memory each and returns 0 on success.
#pragma once
#include "aggregate.cuh"
#include "interlace.cuh"
#include "shift.cuh"

namespace timeweave {

inline int64_t blocks_for(int64_t threads) { return (threads + kThreads - 1) / kThreads; }

inline bool is_empty(const TimeweaveShape& s) { return s.clips == 0 || s.frames == 0 || frame_of(s) == 0; }

// Whether packs of V elements fit: every place where the meaning of an element changes is a multiple of
// V elements, and so is every address.
template <class T, int V, class... Pointers>
bool fits(int64_t every, Pointers... pointers) {
  auto aligned = [](const void* p) { return reinterpret_cast<uintptr_t>(p) % (sizeof(T) * V) == 0; };
  return every % V == 0 && (aligned(pointers) && ...);
}

inline int64_t common(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// Elements between changes: of channels in groups of `channels`, in either layout.
inline int64_t run_of(const TimeweaveShape& s, int64_t channels) {
  return s.channels_last ? common(channels, s.channels) : common(channels, s.channels) * s.plane;
}

template <class Launcher>
struct Grid {
  Launcher launcher;

  template <class Body>
  static int typed(int dtype, Body body) {
    switch (dtype) {
      case TIMEWEAVE_F32: return body(float{});
      case TIMEWEAVE_BF16: return body(Bf16{});
      case TIMEWEAVE_F16: return body(F16{});
      case TIMEWEAVE_F64: return body(double{});
      default: return 1;
    }
  }

  template <class T, int V>
  int forward(const TimeweaveAggregate& a) const {
    int64_t blocks = blocks_for(a.shape.clips * (frame_of(a.shape) / V));
    bool near = reach_of(a) <= 1;
    if (a.pairs)
      return near ? launcher.template run<AggregateForward<T, V, 2, true>>(a, blocks, 0)
                  : launcher.template run<AggregateForward<T, V, 2, false>>(a, blocks, 0);
    return near ? launcher.template run<AggregateForward<T, V, 1, true>>(a, blocks, 0)
                : launcher.template run<AggregateForward<T, V, 1, false>>(a, blocks, 0);
  }

  int aggregate_forward(const TimeweaveAggregate& a) const {
    if (is_empty(a.shape)) return 0;
    return typed(a.shape.dtype, [&](auto zero) {
      using T = decltype(zero);
      constexpr int V = 16 / sizeof(T);
      const void* odd = a.pairs ? a.y[1] : a.y[0];
      return fits<T, V>(frame_of(a.shape), a.x, a.y[0], odd) ? forward<T, V>(a) : forward<T, 1>(a);
    });
  }

  // Elements of a pack in the backward kernel; it holds several packs in registers.
  template <class T>
  static constexpr int back = sizeof(T) == 8 ? 2 : 4;

  // Whether packs fit the backward kernel, where the meaning of an element changes after `every` of them.
  template <class T>
  static bool packs(const TimeweaveAggregate& a, int64_t every) {
    int last = a.pairs ? 1 : 0;
    return fits<T, back<T>>(every, a.x, a.y[0], a.y[last], a.grad[0], a.grad[last], a.grad_x);
  }

  // Whether the kernel of small planes serves; it lets packs reach over several channels.
  template <class T>
  static bool has_small_planes(const TimeweaveAggregate& a) {
    return Planes<back<T>>(a.shape).serve(a.shape) && packs<T>(a, 0);
  }

  template <class T>
  static bool packed(const TimeweaveAggregate& a) {
    return has_small_planes<T>(a) || packs<T>(a, a.shape.channels_last ? a.shape.channels : a.shape.plane);
  }

  static int64_t aggregate_partial(const TimeweaveAggregate& a) {
    if (is_empty(a.shape)) return 0;
    int64_t length = 0, reach = reach_of(a) < 1 ? 1 : reach_of(a);
    typed(a.shape.dtype, [&](auto zero) {
      using T = decltype(zero);
      int64_t pieces = reach_of(a) <= 1 && packed<T>(a) ? Tiles<back<T>>(a.shape).pieces : Tiles<1>(a.shape).pieces;
      length = a.shape.clips * pieces * (1 + a.pairs) * (2 * reach + 1) * a.shape.channels;
      return 0;
    });
    return length;
  }

  template <class T, int V, int OUTS>
  int backward_near(const TimeweaveAggregate& a) const {
    Tiles<V> tiles(a.shape);
    int code;
    if (V == back<T> && has_small_planes<T>(a)) {
      using Small = AggregatePlanes<T, back<T>, OUTS>;
      // They are one piece of the tiles as well, so the sums are laid out alike.
      code = launcher.template run<Small>(a, a.shape.clips * Planes<back<T>>(a.shape).blocks, Small::shared);
    } else {
      int64_t shared = AggregateBackward<T, V, OUTS>::shared_of(tiles);
      code = launcher.template run<AggregateBackward<T, V, OUTS>>(a, tiles.blocks(a.shape), shared);
    }
    return code != 0 ? code : launcher.template run<AggregateFinish<T, V>>(a, blocks_for(a.taps * a.shape.channels), 0);
  }

  int aggregate_backward(const TimeweaveAggregate& a) const {
    return typed(a.shape.dtype, [&](auto zero) {
      using T = decltype(zero);
      constexpr int V = back<T>;
      if (is_empty(a.shape)) return launcher.clear(a.grad_weights, a.taps * a.shape.channels * sizeof(typename Sums<T>::type));
      if (reach_of(a) <= 1) {
        if (packed<T>(a)) return a.pairs ? backward_near<T, V, 2>(a) : backward_near<T, V, 1>(a);
        return a.pairs ? backward_near<T, 1, 2>(a) : backward_near<T, 1, 1>(a);
      }
      Tiles<1> tiles(a.shape);
      int code = launcher.template run<AggregateData<T>>(a, blocks_for(a.shape.clips * a.shape.frames * frame_of(a.shape)), 0);
      if (code != 0) return code;
      code = launcher.template run<AggregateWeights<T>>(a, tiles.blocks(a.shape) * rows_of(a), kThreads);
      if (code != 0) return code;
      return launcher.template run<AggregateFinish<T, 1>>(a, blocks_for(a.taps * a.shape.channels), 0);
    });
  }

  template <class T>
  int shifted(const TimeweaveShift& a) const {
    constexpr int V = 16 / sizeof(T);
    int64_t frames = a.shape.clips * a.shape.frames, frame = frame_of(a.shape);
    if (fits<T, V>(run_of(a.shape, a.fold), a.x, a.y, a.edge))
      return launcher.template run<ShiftCopy<T, V>>(a, blocks_for(frames * (frame / V)), 0);
    return launcher.template run<ShiftCopy<T, 1>>(a, blocks_for(frames * frame), 0);
  }

  int shift(const TimeweaveShift& a) const {
    if (is_empty(a.shape)) return 0;
    switch (a.width) {
      case 2: return shifted<uint16_t>(a);
      case 4: return shifted<uint32_t>(a);
      case 8: return shifted<uint64_t>(a);
      default: return 1;
    }
  }

  template <class T, int V>
  int forward(const TimeweaveInterlace& a) const {
    int64_t threads = a.shape.clips * a.shape.frames * (frame_of(a.shape) / V);
    return launcher.template run<InterlaceForward<T, V>>(a, blocks_for(threads), 0);
  }

  int interlace_forward(const TimeweaveInterlace& a) const {
    if (is_empty(a.shape)) return 0;
    return typed(a.shape.dtype, [&](auto zero) {
      using T = decltype(zero);
      constexpr int V = 16 / sizeof(T);
      return fits<T, V>(run_of(a.shape, a.fold / a.groups), a.x, a.y) ? forward<T, V>(a) : forward<T, 1>(a);
    });
  }

  template <class T>
  static bool packed(const TimeweaveInterlace& a) {
    return fits<T, 16 / sizeof(T)>(run_of(a.shape, a.fold / a.groups), a.x, a.grad, a.grad_x);
  }

  static int64_t interlace_partial(const TimeweaveInterlace& a) {
    if (is_empty(a.shape)) return 0;
    int64_t pieces = 0;
    typed(a.shape.dtype, [&](auto zero) {
      using T = decltype(zero);
      pieces = packed<T>(a) ? group_pieces<16 / sizeof(T)>(a) : group_pieces<1>(a);
      return 0;
    });
    return a.shape.clips * pieces * a.groups * a.shape.frames * 2;
  }

  template <class T, int V>
  int backward(const TimeweaveInterlace& a) const {
    int64_t frames = a.shape.clips * a.shape.frames, kept = (a.shape.channels - a.fold) * a.shape.plane / V;
    int code = launcher.template run<InterlaceKeep<T, V>>(a, blocks_for(frames * kept), 0);
    if (code != 0) return code;
    using Backward = InterlaceBackward<T, V>;
    code = launcher.template run<Backward>(a, frames * a.groups * group_pieces<V>(a), Backward::shared);
    if (code != 0) return code;
    return launcher.template run<InterlaceFinish<T, V>>(a, blocks_for(a.shape.clips * a.groups), 0);
  }

  int interlace_backward(const TimeweaveInterlace& a) const {
    return typed(a.shape.dtype, [&](auto zero) {
      using T = decltype(zero);
      if (is_empty(a.shape)) {
        int64_t groups = a.shape.clips * a.groups, width = sizeof(typename Sums<T>::type);
        int code = launcher.clear(a.grad_offsets, groups * width);
        return code != 0 ? code : launcher.clear(a.grad_weights, groups * a.shape.frames * width);
      }
      return packed<T>(a) ? backward<T, 16 / sizeof(T)>(a) : backward<T, 1>(a);
    });
  }
};

}  // namespace timeweave
