/** Rows that one statement of a sweep takes: its locks are short, and other processes pass over what it holds. */
export const batch = 1_000;
/** Batches of one sweep: more comes at the next one, so that a sweep ends also while rows are made faster. */
const most = 200;

/** Takes batch after batch until one comes back short: a backlog is gone at once. Returns how many rows went. */
export async function inBatches(take: () => PromiseLike<{ readonly count: number }>): Promise<number> {
  let all = 0;
  for (let turn = 0; turn < most; turn++) {
    const { count } = await take();
    all += count;
    if (count < batch) break;
  }
  return all;
}
