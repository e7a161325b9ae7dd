/**
 * The firewall's tools, in the order in which they are preferred: libnftables by FFI, the `nft` program, and iptables for
 * what lives in its tables.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';

import koffi from 'koffi';

import { messageOf } from '../base/index.ts';

/** Runs nft commands (nft(8)) as one atomic change and returns what they print. Throws an Error with nft's own words. */
export type NftRunner = (commands: string) => string;

export interface ToolResult {
  readonly status: number;
  readonly output: string;
  readonly errorOutput: string;
}

/** Runs an iptables program with its arguments. */
export type IptablesRunner = (args: readonly string[]) => ToolResult;

const libraryName = 'libnftables.so.1';
const toolTimeoutMs = 30_000;
const fallbackPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The file of a program in `path`; undefined when it is not installed. */
function findProgram(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((dir) => dir.startsWith('/'))
    .map((dir) => `${dir}/${name}`)
    .find((file) => existsSync(file));
}

function runTool(program: string, args: readonly string[], input?: string): ToolResult {
  const ended = spawnSync(program, args, { input, encoding: 'utf8', timeout: toolTimeoutMs, env: { LC_ALL: 'C' } });
  if (ended.error !== undefined) throw ended.error;
  return { status: ended.status ?? 128, output: ended.stdout, errorOutput: ended.stderr };
}

/** nft through the library when it is installed, else through the program; undefined when there is neither. */
export function openNft(path = fallbackPath): NftRunner | undefined {
  return openNftLibrary() ?? openNftProgram(path);
}

/** nft through the program. */
export function openNftProgram(path = fallbackPath): NftRunner | undefined {
  const program = findProgram('nft', path);
  if (program === undefined) return undefined;
  return (commands) => {
    const ended = runTool(program, ['-f', '-'], commands);
    if (ended.status !== 0) throw new Error(`nft: ${ended.errorOutput.trim()}`);
    return ended.output;
  };
}

/** nft through the library; undefined when it is not installed. */
export function openNftLibrary(): NftRunner | undefined {
  try {
    koffi.load(libraryName).unload();
  } catch {
    return undefined;
  }
  return (commands) => {
    const library = koffi.load(libraryName);
    try {
      return runInLibrary(library, commands);
    } finally {
      library.unload();
    }
  };
}

function runInLibrary(library: ReturnType<typeof koffi.load>, commands: string): string {
  const create = library.func('void *nft_ctx_new(uint32_t flags)');
  const free = library.func('void nft_ctx_free(void *context)');
  const bufferOutput = library.func('int nft_ctx_buffer_output(void *context)');
  const bufferErrors = library.func('int nft_ctx_buffer_error(void *context)');
  const output = library.func('const char *nft_ctx_get_output_buffer(void *context)');
  const errors = library.func('const char *nft_ctx_get_error_buffer(void *context)');
  const run = library.func('int nft_run_cmd_from_buffer(void *context, const char *commands)');
  const context = create(0) as unknown;
  try {
    if (bufferOutput(context) !== 0 || bufferErrors(context) !== 0) throw new Error('nft: no memory for its output');
    if (run(context, commands) !== 0) throw new Error(`nft: ${String(errors(context)).trim()}`);
    return String(output(context));
  } finally {
    free(context);
  }
}

/** An iptables program by its name (`iptables`, `iptables-nft`, `iptables-legacy`); undefined when it is not installed. */
export function openIptables(name: string, path = fallbackPath): IptablesRunner | undefined {
  const program = findProgram(name, path);
  if (program === undefined) return undefined;
  // -w: wait for the lock that all iptables programs share.
  return (args) => {
    try {
      return runTool(program, ['-w', ...args]);
    } catch (error) {
      return { status: 127, output: '', errorOutput: messageOf(error) };
    }
  };
}
