//! How figures are written: the same rounding wherever a number appears.

/** A share of one as a percentage, `0.954` -> `95.4 %`. */
export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}\u00a0%`
}

/** A duration, `95` -> `1 min 35 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}\u00a0s`
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  return minutes === 0 ? `${whole}\u00a0s` : `${minutes}\u00a0min ${String(whole % 60).padStart(2, '0')}\u00a0s`
}

/** A large count with its unit, `11178564` -> `11.18 M`. */
export function count(value: number): string {
  for (const [size, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(value / size >= 100 ? 0 : 2)}\u00a0${unit}`
  }
  return String(value)
}

/** A number with a sign that lines up, `-0.5` -> `−0.50`. */
export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits)
  return Number(text) === 0 ? text : `${value < 0 ? '\u2212' : '+'}${text}`
}
