/** Over how many milliseconds a speed is evened out. */
const span = 5000;

/** How fast something goes on, evened out: what happened a span ago counts a third of what happens now. */
export class Speed {
  private rate = 0;
  private weight = 0;
  private last: number | null = null;

  /** Takes note that an amount was done since the last call. The time now is in milliseconds. */
  note(amount: number, now: number): void {
    if (this.last !== null && now > this.last) {
      const share = 1 - Math.exp((this.last - now) / span);
      this.rate += share * ((1000 * amount) / (now - this.last) - this.rate);
      this.weight += share * (1 - this.weight);
    }
    this.last = now;
  }

  /** The amount in a second; 0 as long as nothing is known. */
  get(): number {
    return this.weight > 0 ? this.rate / this.weight : 0;
  }

  /** Forgets all, as after a pause. */
  forget(): void {
    this.rate = 0;
    this.weight = 0;
    this.last = null;
  }
}
