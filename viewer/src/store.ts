/** What the page shows, in one place; who shows a part of it is told when that part changes. */

export class Store<S extends object> {
  private readonly watchers: { readonly keys: readonly (keyof S)[]; readonly run: () => void }[] = [];

  constructor(private readonly all: S) {}

  get state(): Readonly<S> {
    return this.all;
  }

  set(change: Partial<S>): void {
    const changed = (Object.keys(change) as (keyof S)[]).filter((key) => this.all[key] !== change[key]);
    Object.assign(this.all, change);
    for (const { keys, run } of this.watchers) if (keys.some((key) => changed.includes(key))) run();
  }

  /** Runs now and whenever one of the keys has got another value. */
  watch(keys: readonly (keyof S)[], run: () => void): void {
    this.watchers.push({ keys, run });
    run();
  }
}
