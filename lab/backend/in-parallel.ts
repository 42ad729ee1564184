/** At most `concurrency` at a time. Throws the first failure. */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await action(item);
  };
  // All settle before the first failure is told, so that nothing is still being made when the caller cleans up.
  const results = await Promise.allSettled(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
