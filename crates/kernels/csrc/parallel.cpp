// at::parallel_for is a template that needs -fopenmp and so a second OpenMP runtime wherever
// libtorch brings its own under another name. The runtime's entry is therefore looked up in what
// libtorch_cpu itself loaded; its threads, their number and their nesting stay libtorch's.
#include "parallel.h"

#include <ATen/Config.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>

namespace timeweave {
namespace {

constexpr int64_t serial_bytes = 1 << 17;

// Pieces of the work for each thread: a thread that something else holds up leaves its pieces to the others.
constexpr int64_t pieces_per_thread = 4;

struct Work {
  int64_t tasks;
  int (*body)(const void*, int64_t, int64_t);
  const void* context;
  int64_t pieces = 1;
  std::atomic<int64_t> next{0};
  std::atomic<int> result{0};

  // Takes pieces until none is left.
  void share() {
    for (int64_t piece = next++; piece < pieces; piece = next++) {
      int code = body(context, tasks * piece / pieces, tasks * (piece + 1) / pieces);
      int none = 0;
      if (code != 0) result.compare_exchange_strong(none, code);
    }
  }
};

struct OpenMp {
  void (*run)(void (*)(void*), void*, unsigned, unsigned) = nullptr;

  OpenMp() {
    Dl_info here;
    if (dladdr(reinterpret_cast<void*>(&at::get_num_threads), &here) == 0) return;
    void* torch = dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (torch == nullptr) torch = RTLD_DEFAULT;
    run = reinterpret_cast<decltype(run)>(dlsym(torch, "GOMP_parallel"));
  }
};

const OpenMp& open_mp() {
  static const OpenMp found;
  return found;
}

}  // namespace

int parallel(int64_t tasks, int64_t bytes, int (*body)(const void*, int64_t, int64_t), const void* context) {
  Work work{tasks, body, context};
  int64_t threads = std::min<int64_t>(at::get_num_threads(), tasks);
  if (tasks <= 0) return 0;
  if (threads <= 1 || bytes < serial_bytes || at::in_parallel_region()) {
    work.share();
    return work.result;
  }
#if AT_PARALLEL_OPENMP
  if (open_mp().run == nullptr) {
    work.share();
    return work.result;
  }
  work.pieces = std::min(tasks, threads * pieces_per_thread);
  auto each = [](void* data) { static_cast<Work*>(data)->share(); };
  open_mp().run(each, &work, static_cast<unsigned>(threads), 0);
#else
  work.pieces = std::min(tasks, threads * pieces_per_thread);
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) { work.share(); });
#endif
  return work.result;
}

}  // namespace timeweave
