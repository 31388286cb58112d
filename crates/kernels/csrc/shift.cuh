// The kernel of TSM: exact copies, so only the width of an element matters.
#pragma once
#include "shape.cuh"

namespace timeweave {

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
    int64_t clip = index, at = take(clip, packs) * V, t = take(clip, s.frames), channel = channel_of(s, at);
    int64_t end = a.one_way ? a.fold : 2 * a.fold;
    int64_t from = t + (channel < a.fold ? a.step : channel < end ? -a.step : 0);
    Pack<T, V> pack = {};
    if (inside(from, s)) {
      pack = read<T, V>(static_cast<const T*>(a.x) + (clip * s.frames + from) * frame + at);
    } else if (channel < a.fold && a.edge != nullptr) {
      int64_t within = s.channels_last ? divided(at, s.channels) * a.fold + channel : at;
      pack = read<T, V>(static_cast<const T*>(a.edge) + clip * a.fold * s.plane + within);
    }
    write<T, V>(pack, static_cast<T*>(a.y) + (clip * s.frames + t) * frame + at);
  }
};

}  // namespace timeweave
