import { MillraceError } from './errors.ts'

const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** Bytes, or a text such as `64KiB`, `512 MB`, `1GB`. */
export type Size = number | string

/**
 * Bytes of a size. KB, MB, GB are powers of 1000; KiB, MiB, GiB of 1024.
 *
 * @throws MR_SIZE_INVALID
 */
export function sizeBytes(size: Size): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)?\s*$/i.exec(String(size))
  const unit = unitBytes[(match?.[2] ?? 'b').toLowerCase()]
  const bytes = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit)
  if (!Number.isSafeInteger(bytes)) {
    throw new MillraceError('MR_SIZE_INVALID', `not a size: "${size}"`, {
      hint: 'Write a number of bytes, or a text such as 64KiB, 512MB or 1GiB.',
    })
  }
  return bytes
}

/** `1536` → `1.5 KiB`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  let value = bytes
  let unit = 0
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 100 ? Math.round(value) : value.toPrecision(2)
  return `${digits} ${units[unit]}`
}
