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

struct Work {
  int64_t tasks;
  int (*body)(const void*, int64_t, int64_t);
  const void* context;
  std::atomic<int> result{0};

  void part(int64_t index, int64_t parts) {
    int code = body(context, tasks * index / parts, tasks * (index + 1) / parts);
    int none = 0;
    if (code != 0) result.compare_exchange_strong(none, code);
  }
};

struct OpenMp {
  void (*run)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
  int (*index)() = nullptr;
  int (*count)() = nullptr;

  OpenMp() {
    Dl_info here;
    if (dladdr(reinterpret_cast<void*>(&at::get_num_threads), &here) == 0) return;
    void* torch = dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (torch == nullptr) torch = RTLD_DEFAULT;
    index = reinterpret_cast<int (*)()>(dlsym(torch, "omp_get_thread_num"));
    count = reinterpret_cast<int (*)()>(dlsym(torch, "omp_get_num_threads"));
    if (index == nullptr || count == nullptr) return;
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
    work.part(0, 1);
    return work.result;
  }
#if AT_PARALLEL_OPENMP
  if (open_mp().run == nullptr) {
    work.part(0, 1);
    return work.result;
  }
  auto each = [](void* data) {
    static_cast<Work*>(data)->part(open_mp().index(), open_mp().count());
  };
  open_mp().run(each, &work, static_cast<unsigned>(threads), 0);
#else
  at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
    for (int64_t index = first; index < last; ++index) work.part(index, threads);
  });
#endif
  return work.result;
}

}  // namespace timeweave
