/**
 * Builds the programs into dist/: the client as one executable and, for machines where that does not run, as a bundle for
 * Node; the daemon as a bundle for Node with its worker threads' entries beside it. What is up to date is left alone;
 * what is built replaces the old all at once. Run: `npm run build`, or `npm run build -- --force`.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { build, type BuildOptions } from 'esbuild';

const repository = path.resolve(import.meta.dirname, '..');
const dist = path.join(repository, 'dist');
const source = (name: string): string => path.join(repository, 'src', name);

interface Target {
  readonly name: string;
  /** Built anew when one of these, or this script, or a dependency has changed. */
  readonly sources: readonly string[];
  /** What must be there afterwards, below dist/. */
  readonly outputs: readonly string[];
  make(folder: string): Promise<void>;
}

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
  absWorkingDir: repository,
};

function bunPath(): string | undefined {
  const architectures: Readonly<Record<string, string>> = { x64: 'x64', arm64: 'aarch64' };
  const file = path.join(repository, `node_modules/@oven/bun-linux-${architectures[process.arch]}/bin/bun`);
  return existsSync(file) ? file : undefined;
}

/** One executable with a chunk for each command, so that a start loads only what it runs. */
async function makeExecutable(bun: string, folder: string): Promise<void> {
  const options = ['--compile', '--bytecode', '--splitting', '--minify', '--format=esm'];
  const outfile = path.join(folder, 'gantry');
  await promisify(execFile)(bun, ['build', ...options, source('bin/gantry.ts'), '--outfile', outfile], { cwd: folder });
}

async function makeNodeClient(folder: string): Promise<void> {
  const outdir = path.join(folder, 'cli');
  await build({
    ...common,
    entryPoints: [source('bin/gantry.ts')],
    outdir,
    splitting: true,
    outExtension: { '.js': '.mjs' },
  });
}

function workerEntries(): string[] {
  return globSync('src/**/*Worker.ts', { cwd: repository }).map((file) => path.join(repository, file));
}

async function makeDaemon(folder: string): Promise<void> {
  // Bundled CommonJS packages ask for Node's own modules by require, which an ES module has to make itself.
  const banner =
    "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";
  const entryPoints = [source('bin/gantryd.ts'), ...workerEntries()].map((file) => ({
    in: file,
    out: path.basename(file, '.ts'),
  }));
  await build({
    ...common,
    entryPoints,
    outdir: folder,
    external: ['koffi'],
    banner: { js: banner },
    outExtension: { '.js': '.mjs' },
  });
}

function sourcesBelow(rooms: readonly string[]): string[] {
  const files = rooms.flatMap((room) => globSync(`src/${room}`, { cwd: repository }));
  return files.filter((file) => !file.endsWith('.test.ts')).sort();
}

function targets(): Target[] {
  const client = sourcesBelow(['{api,base,oci,client,cli}/**/*.{ts,json}', 'bin/{gantry,version}.ts']);
  const bun = bunPath();
  const daemonNames = ['gantryd', ...workerEntries().map((file) => path.basename(file, '.ts'))];
  const list: Target[] = [{ name: 'client for Node', sources: client, outputs: ['cli'], make: makeNodeClient }];
  if (bun !== undefined) {
    list.push({ name: 'client', sources: client, outputs: ['gantry'], make: (folder) => makeExecutable(bun, folder) });
  }
  if (existsSync(source('bin/gantryd.ts'))) {
    list.push({
      name: 'daemon',
      sources: sourcesBelow(['**/*.{ts,json}']),
      outputs: daemonNames.flatMap((name) => [`${name}.mjs`, `${name}.mjs.map`]),
      make: makeDaemon,
    });
  }
  return list;
}

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of [...files, 'scripts/build.ts', 'package-lock.json']) {
    const full = path.join(repository, file);
    hash
      .update(`${file}\0`)
      .update(existsSync(full) ? readFileSync(full) : '')
      .update('\0');
  }
  return hash.digest('hex');
}

/** Moves outputs into place one by one: a program that runs keeps its old file. */
function install(target: Target, folder: string): void {
  for (const output of target.outputs) {
    const to = path.join(dist, output);
    if (output === 'cli') rmSync(to, { recursive: true, force: true });
    renameSync(path.join(folder, output), to);
  }
}

async function bringUpToDate(target: Target, force: boolean): Promise<void> {
  const stamp = path.join(dist, `.${target.name.replaceAll(' ', '-')}.stamp`);
  const digest = digestOf(target.sources);
  const present = target.outputs.every((output) => existsSync(path.join(dist, output)));
  if (!force && present && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  const folder = mkdtempSync(path.join(dist, '.build-'));
  try {
    const started = performance.now();
    await target.make(folder);
    if (target.outputs.includes('gantry')) chmodSync(path.join(folder, 'gantry'), 0o755);
    install(target, folder);
    writeFileSync(stamp, digest);
    process.stderr.write(`build: ${target.name} in ${Math.round(performance.now() - started)} ms\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

mkdirSync(dist, { recursive: true });
const force = process.argv.includes('--force');
const results = await Promise.allSettled(targets().map((target) => bringUpToDate(target, force)));
for (const result of results) {
  if (result.status === 'fulfilled') continue;
  process.stderr.write(`build: ${result.reason instanceof Error ? result.reason.message : String(result.reason)}\n`);
  process.exitCode = 1;
}
