// Measuring in turns: A B C, A B C, ... so that a machine that slows down meanwhile is slow for all of them.

/** Runs every contestant once per round; the results of each, in the order of the rounds. */
export async function interleave<T>(
  rounds: number,
  contestants: readonly (() => Promise<T>)[],
): Promise<readonly (readonly T[])[]> {
  const results: T[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of contestants.entries()) results[i]?.push(await run())
  }
  return results
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** `8,240/s (7,939 to 10,048)` */
export function formatRates(rates: readonly number[]): string {
  const text = (rate: number): string => Math.round(rate).toLocaleString('en')
  return `${text(medianOf(rates))}/s (${text(Math.min(...rates))} to ${text(Math.max(...rates))})`
}

/** Round by round, so that what slowed both down cancels out: `3.4 (3.1 to 3.9)`. */
export function formatRatios(rates: readonly number[], others: readonly number[]): string {
  const ratios = rates.map((rate, round) => rate / (others[round] as number))
  const [middle, low, high] = [medianOf(ratios), Math.min(...ratios), Math.max(...ratios)]
  return `${middle.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
}
