import type { MountRequest, Mounter, UnmountOptions } from './mount.ts';

export type MountCall =
  | { readonly call: 'mount'; readonly request: MountRequest; readonly target: string }
  | { readonly call: 'unmount'; readonly target: string; readonly lazy: boolean };

/** A mount table in memory that records what was asked of it, for tests without root. */
export class RecordingMounter implements Mounter {
  /** Every call, in order, those that failed too. */
  readonly calls: MountCall[] = [];
  /** What is mounted now, the latest last. */
  readonly mounted: { readonly request: MountRequest; readonly target: string }[] = [];
  readonly #failures: { readonly call: MountCall['call']; readonly code: string }[] = [];

  /** Lets the next call of this kind fail with a system error. */
  failNext(call: MountCall['call'], code: string): void {
    this.#failures.push({ call, code });
  }

  mount(request: MountRequest, target: string): void {
    this.calls.push({ call: 'mount', request, target });
    this.#failIfAsked('mount', target);
    this.mounted.push({ request, target });
  }

  async unmount(target: string, options: UnmountOptions = {}): Promise<void> {
    this.calls.push({ call: 'unmount', target, lazy: options.lazy === true });
    this.#failIfAsked('unmount', target);
    const at = this.mounted.findLastIndex((mount) => mount.target === target);
    if (at >= 0) this.mounted.splice(at, 1);
  }

  isMounted(target: string): boolean {
    return this.mounted.some((mount) => mount.target === target);
  }

  mountsUnder(dir: string): string[] {
    return this.mounted
      .map((mount) => mount.target)
      .filter((target) => target === dir || target.startsWith(`${dir}/`))
      .toReversed();
  }

  #failIfAsked(call: MountCall['call'], target: string): void {
    const at = this.#failures.findIndex((failure) => failure.call === call);
    if (at < 0) return;
    const [failure] = this.#failures.splice(at, 1);
    const error = new Error(`${failure?.code}: ${call} '${target}'`) as NodeJS.ErrnoException;
    error.code = failure?.code;
    throw error;
  }
}
