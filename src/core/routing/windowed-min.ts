/**
 * Minimum of the samples of the last window, in constant space: the best sample and two later, larger ones that take over when it
 * grows old. After Kathleen Nichols' filter, as in Linux' lib/win_minmax.c.
 */
export class WindowedMin {
  private readonly value = new Float64Array(3);
  private readonly time = new Float64Array(3);
  private filled = false;

  /** `windowUs` Infinity keeps the minimum of all time, as the paper does. */
  constructor(private readonly windowUs: number) {}

  get empty(): boolean {
    return !this.filled;
  }

  get(): number {
    return this.value[0];
  }

  /** Takes a sample in and returns the minimum. */
  add(sample: number, now: number): number {
    const { value, time } = this;
    if (!this.filled || sample <= value[0] || now - time[2] > this.windowUs) {
      this.filled = true;
      value.fill(sample);
      time.fill(now);
      return sample;
    }
    if (sample <= value[1]) {
      value[1] = value[2] = sample;
      time[1] = time[2] = now;
    } else if (sample <= value[2]) {
      value[2] = sample;
      time[2] = now;
    }
    this.age(sample, now);
    return value[0];
  }

  private age(sample: number, now: number): void {
    const { value, time } = this;
    const age = now - time[0];
    if (age > this.windowUs) {
      this.shift(sample, now);
      if (now - time[0] > this.windowUs) this.shift(sample, now);
    } else if (time[1] === time[0] && age > this.windowUs / 4) {
      value[1] = value[2] = sample;
      time[1] = time[2] = now;
    } else if (time[2] === time[1] && age > this.windowUs / 2) {
      value[2] = sample;
      time[2] = now;
    }
  }

  private shift(sample: number, now: number): void {
    const { value, time } = this;
    value[0] = value[1];
    time[0] = time[1];
    value[1] = value[2];
    time[1] = time[2];
    value[2] = sample;
    time[2] = now;
  }
}
