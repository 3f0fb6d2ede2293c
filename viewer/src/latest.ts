/** Asks one question at a time; of those that come meanwhile only the last is asked. */
export class Latest<Q, A> {
  private busy = false;
  private next: { readonly question: Q } | null = null;
  private dropped = 0;

  constructor(
    private readonly ask: (question: Q) => Promise<A>,
    private readonly show: (answer: A, question: Q) => void,
    private readonly fail: (error: unknown) => void,
  ) {}

  put(question: Q): void {
    this.next = { question };
    if (!this.busy) void this.run();
  }

  /** Forgets what waits, and the answer that is on its way. */
  drop(): void {
    this.next = null;
    this.dropped++;
  }

  private async run(): Promise<void> {
    this.busy = true;
    while (this.next !== null) {
      const { question } = this.next;
      const { dropped } = this;
      this.next = null;
      try {
        const answer = await this.ask(question);
        if (dropped === this.dropped) this.show(answer, question);
      } catch (error) {
        if (dropped === this.dropped) this.fail(error);
      }
    }
    this.busy = false;
  }
}
