/** Progress of a pull: one line a layer that is drawn anew on a terminal, plain lines elsewhere. */
import type { ProgressMessage } from '../api/index.ts';
import { GantryError, humanSize } from '../base/index.ts';
import { columnsOf, write, type Output } from './world.ts';

const widestBar = 50;
/** Columns that the id, the status and the figures need beside the bar. */
const besideBar = 56;

function bar(current: number, total: number, columns: number): string {
  const size = Math.min(widestBar, columns - besideBar);
  if (size < 10) return '';
  const done = Math.min(size, Math.floor((current / total) * size));
  const head = done < size ? '>' : '';
  return `[${'='.repeat(done)}${head}${' '.repeat(size - done - head.length)}] `;
}

/** The figures of one message, with a bar when the total is known; empty when there are none. */
export function progressText({ progressDetail }: ProgressMessage, columns: number): string {
  const { current = 0, total = 0 } = progressDetail ?? {};
  if (current <= 0 && total <= 0) return '';
  if (total <= 0 || current > total) return humanSize(current).padStart(8);
  return `${bar(current, total, columns)}${humanSize(current).padStart(8)}/${humanSize(total)}`;
}

/** Draws messages as they come; without an output it only looks for errors among them. */
export class ProgressView {
  readonly #output: Output | undefined;
  readonly #lines = new Map<string, number>();
  #count = 0;

  constructor(output: Output | undefined) {
    this.#output = output;
  }

  async show(message: ProgressMessage): Promise<void> {
    if (message.error !== undefined || message.errorDetail !== undefined) {
      throw new GantryError('internal', message.errorDetail?.message ?? message.error ?? '');
    }
    const output = this.#output;
    if (output === undefined) return;
    await write(output, output.isTTY === true ? this.#drawn(message, columnsOf(output)) : plain(message));
  }

  #drawn(message: ProgressMessage, columns: number): string {
    if (message.id === undefined || message.progressDetail === undefined) return this.#appended(message);
    const figures = progressText(message, columns);
    const text = `${message.id}: ${message.status ?? ''}${figures === '' ? '' : ` ${figures}`}`.slice(0, columns - 1);
    const line = this.#lines.get(message.id);
    if (line === undefined) {
      this.#lines.set(message.id, this.#count);
      this.#count++;
      return `${text}\n`;
    }
    const up = this.#count - line;
    return `\x1b[${up}A\r\x1b[2K${text}\r\x1b[${up}B`;
  }

  #appended(message: ProgressMessage): string {
    const text = plain(message);
    this.#count += text.split('\n').length - 1;
    return text;
  }
}

function plain(message: ProgressMessage): string {
  if (message.stream !== undefined) return message.stream;
  if (message.status === undefined || progressText(message, 0) !== '') return '';
  return `${message.id === undefined ? '' : `${message.id}: `}${message.status}\n`;
}
