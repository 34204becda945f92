import fs from 'node:fs';
import os from 'node:os';

/** The value below which a share of them lies; interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const fixed = (value: number, digits = 2): string => value.toFixed(digits);

/** `1.23 (1.11–1.40)`: the middle, and least to most. */
export const spread = (values: readonly number[], digits = 2): string =>
  `${fixed(median(values), digits)} (${fixed(Math.min(...values), digits)}–${fixed(Math.max(...values), digits)})`;

/** What the figures were taken on; a busy machine says so. */
export function machine(): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `machine: ${cpus[0]?.model.trim() ?? 'unknown CPU'}, ${cpus.length} cores, ${memory} GiB, ${os.type()} ${os.release()}; Node ${process.version}`;
}

export const load = (): string =>
  `load average ${
    fs.existsSync('/proc/loadavg')
      ? fs.readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ')
      : os
          .loadavg()
          .map((each) => fixed(each))
          .join(' ')
  }`;
