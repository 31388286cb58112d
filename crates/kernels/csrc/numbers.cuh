// Element types and packs of them, for host and device alike.
#pragma once
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define TIMEWEAVE_BOTH __host__ __device__ __forceinline__
#else
#define TIMEWEAVE_BOTH inline
#endif

// Before a loop whose index must be a constant, so that the arrays it indexes stay in registers.
#ifdef __CUDA_ARCH__
#define TIMEWEAVE_UNROLL _Pragma("unroll")
#else
#define TIMEWEAVE_UNROLL
#endif

namespace timeweave {

// The two 16-bit types are their bits; sums are float.
struct Bf16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};

template <class T>
struct Sums {
  using type = float;
};
template <>
struct Sums<double> {
  using type = double;
};

TIMEWEAVE_BOTH uint32_t bits_of(float value) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(value);
#else
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
#endif
}

TIMEWEAVE_BOTH float float_of(uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  float value;
  memcpy(&value, &bits, 4);
  return value;
#endif
}

TIMEWEAVE_BOTH float widen(float value) { return value; }
TIMEWEAVE_BOTH double widen(double value) { return value; }
TIMEWEAVE_BOTH float widen(Bf16 value) { return float_of(static_cast<uint32_t>(value.bits) << 16); }

TIMEWEAVE_BOTH float widen(F16 value) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(value.bits));
#else
  uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16, exponent = (value.bits >> 10) & 31, fraction = value.bits & 1023;
  if (exponent == 31) return float_of(sign | 0x7f800000 | (fraction << 13));
  if (exponent != 0) return float_of(sign | ((exponent + 112) << 23) | (fraction << 13));
  // Below the normal numbers the value is fraction * 2^-24, exact in float.
  float small = static_cast<float>(fraction) * 5.9604644775390625e-8f;
  return float_of(sign | bits_of(small));
#endif
}

TIMEWEAVE_BOTH void narrow(float value, float& to) { to = value; }
TIMEWEAVE_BOTH void narrow(double value, double& to) { to = value; }

TIMEWEAVE_BOTH void narrow(float value, Bf16& to) {
  uint32_t bits = bits_of(value);
  bool nan = (bits & 0x7fffffff) > 0x7f800000;
  to.bits = static_cast<uint16_t>(nan ? (bits >> 16) | 0x40 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

TIMEWEAVE_BOTH void narrow(float value, F16& to) {
#ifdef __CUDA_ARCH__
  to.bits = __half_as_ushort(__float2half_rn(value));
#else
  uint32_t bits = bits_of(value), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  uint32_t half;
  if (magnitude > 0x7f800000) {
    half = 0x7e00;
  } else if (magnitude >= 0x477ff000) {
    half = 0x7c00;
  } else if (magnitude >= 0x38800000) {
    half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  } else {
    // Adding 0.5 aligns the last kept bit with the last of float: rounds to the nearest, ties to even.
    half = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  }
  to.bits = static_cast<uint16_t>(sign | half);
#endif
}

// Neighbouring elements that are read and written in one access.
template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
  T values[V];
};

#ifdef __CUDA_ARCH__
// The registers of one access.
template <int Bytes>
struct Registers;
template <>
struct Registers<2> {
  using type = uint16_t;
};
template <>
struct Registers<4> {
  using type = uint32_t;
};
template <>
struct Registers<8> {
  using type = uint2;
};
template <>
struct Registers<16> {
  using type = uint4;
};
#endif

// On the host the bytes are copied, since the memory may hold objects of other types.
template <class T, int V>
TIMEWEAVE_BOTH Pack<T, V> read(const T* from) {
  Pack<T, V> pack;
#ifdef __CUDA_ARCH__
  auto registers = *reinterpret_cast<const typename Registers<sizeof pack>::type*>(from);
  memcpy(&pack, &registers, sizeof pack);
#else
  memcpy(&pack, from, sizeof pack);
#endif
  return pack;
}

template <class T, int V>
TIMEWEAVE_BOTH void write(const Pack<T, V>& pack, T* to) {
#ifdef __CUDA_ARCH__
  typename Registers<sizeof pack>::type registers;
  memcpy(&registers, &pack, sizeof pack);
  // An assignment would be one access only where the compiler sees fit, which it often does not.
  __stwb(reinterpret_cast<typename Registers<sizeof pack>::type*>(to), registers);
#else
  memcpy(to, &pack, sizeof pack);
#endif
}

template <class T, int V>
TIMEWEAVE_BOTH void load(const T* from, typename Sums<T>::type (&to)[V]) {
  Pack<T, V> pack = read<T, V>(from);
  for (int i = 0; i < V; ++i) to[i] = widen(pack.values[i]);
}

template <class T, int V>
TIMEWEAVE_BOTH void store(const typename Sums<T>::type (&from)[V], T* to) {
  Pack<T, V> pack;
  for (int i = 0; i < V; ++i) narrow(from[i], pack.values[i]);
  write<T, V>(pack, to);
}

}  // namespace timeweave
