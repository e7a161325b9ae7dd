/** The shape of the house, kept by one table: which room may import which, and what only some rooms may do. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const repository = path.resolve(import.meta.dirname, '..');

/** The rooms of one floor, the engine's hands. They do not import each other. */
const rooms = ['build', 'containers', 'images', 'registry', 'runtime', 'network', 'volumes', 'logs', 'events'];
const ground = ['oci', 'base'];

/** Room to the rooms that it may import. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  bin: ['server', 'engine', ...rooms, 'store', 'linux', ...ground, 'api', 'cli', 'client'],
  server: ['engine', ...ground, 'api'],
  engine: [...rooms, 'store', 'linux', ...ground, 'api', 'server'],
  ...Object.fromEntries(rooms.map((room) => [room, ['store', 'linux', ...ground, 'api']])),
  store: ['linux', ...ground],
  linux: ground,
  oci: ['base'],
  base: [],
  cli: ['client', 'api', ...ground],
  client: ['api', ...ground],
  api: [],
};

/** Generated code may be as long as it comes out. */
const generated = new Set(['src/api/engine.types.ts']);
const longestFileLines = 400;

interface Import {
  readonly specifier: string;
  /** Erased when the program runs. */
  readonly typeOnly: boolean;
}

interface Module {
  readonly file: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const files = globSync('src/**/*.ts', { cwd: repository }).toSorted();
const modules: readonly Module[] = files.map(readModule);
/** Tests may reach further than the code that they test. */
const shipped = modules.filter((module) => !module.file.endsWith('.test.ts'));

function readModule(file: string): Module {
  const text = readFileSync(path.join(repository, file), 'utf8');
  return { file, room: file.split('/')[1] ?? '', text, imports: importsOf(text) };
}

/** Static and dynamic imports and re-exports, told by their syntax at the start of a line, where the formatter puts them. */
function importsOf(text: string): Import[] {
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  const dynamic = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [
    ...[...statements].map((match) => ({ specifier: match[2] ?? '', typeOnly: match[1] !== undefined })),
    ...[...dynamic].map((match) => ({ specifier: match[1] ?? '', typeOnly: false })),
  ];
}

/** The file that a relative import means, from the root of the repository. */
function target(module: Module, specifier: string): string {
  return path.join(path.dirname(module.file), specifier);
}

function relativeImports(module: Module): { readonly to: string; readonly typeOnly: boolean }[] {
  const relative = module.imports.filter(({ specifier }) => specifier.startsWith('.'));
  return relative.map(({ specifier, typeOnly }) => ({ to: target(module, specifier), typeOnly }));
}

/** Every breach of a rule as `file: what`, so that a failure is the list of what to mend. */
function breaches(find: (module: Module) => readonly string[]): string[] {
  return shipped.flatMap((module) => find(module).map((what) => `${module.file}: ${what}`));
}

/** The imports of other modules of this repository that a rule forbids. */
function forbiddenPaths(forbids: (room: string, to: string) => boolean): string[] {
  return breaches((module) => relativeImports(module).flatMap(({ to }) => (forbids(module.room, to) ? [to] : [])));
}

/** The imports, as they are written, that a rule forbids. */
function forbiddenSpecifiers(forbids: (room: string, found: Import) => boolean): string[] {
  return breaches((module) =>
    module.imports.flatMap((found) => (forbids(module.room, found) ? [found.specifier] : [])),
  );
}

function roomOf(file: string): string {
  return file.split('/')[1] ?? '';
}

test('every module is seen, and imports are understood', () => {
  assert.ok(files.length > 100, `${files.length} files`);
  assert.ok(shipped.flatMap((module) => module.imports).length > files.length);
  const known = new Set(globSync('src/**/*.{ts,json}', { cwd: repository }));
  assert.deepEqual(
    forbiddenPaths((_, to) => !known.has(to)),
    [],
  );
  const text =
    "import {\n  a,\n} from './a.ts';\nexport * from './b.ts';\nimport './c.ts';\nimport type { e } from './e.ts';\nconst d = await import('./d.ts');\n";
  assert.deepEqual(
    importsOf(text).map(({ specifier }) => specifier),
    ['./a.ts', './b.ts', './c.ts', './e.ts', './d.ts'],
  );
});

test('rooms import downwards, as the table says', () => {
  assert.deepEqual(
    modules.filter((module) => allowed[module.room] === undefined).map((module) => module.file),
    [],
    'rooms that the table does not know',
  );
  assert.deepEqual(
    forbiddenPaths((room, to) => roomOf(to) !== room && !allowed[room]?.includes(roomOf(to))),
    [],
  );
});

test('a room is imported through its index.ts', () => {
  const fronts = /^src\/\w+\/(index\.ts|[\w.]+\.json)$/;
  assert.deepEqual(
    forbiddenPaths((room, to) => roomOf(to) !== room && !fronts.test(to)),
    [],
  );
});

test('there are no cycles', () => {
  const edges = new Map(
    shipped.map((module) => [
      module.file,
      relativeImports(module).flatMap(({ to, typeOnly }) => (typeOnly ? [] : [to])),
    ]),
  );
  assert.deepEqual(cycle(edges), []);
});

/** The first cycle found, as its files in order. */
function cycle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): string[] => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const next of edges.get(file) ?? []) {
      const found = visit(next, [...trail, file]);
      if (found.length > 0) return found;
    }
    done.add(file);
    return [];
  };
  for (const file of edges.keys()) {
    const found = visit(file, []);
    if (found.length > 0) return found;
  }
  return [];
}

test('only linux and runtime start processes', () => {
  const may = new Set(['linux', 'runtime', 'bin']);
  assert.deepEqual(
    forbiddenSpecifiers((room, { specifier }) => specifier === 'node:child_process' && !may.has(room)),
    [],
  );
});

test('only bin reads the environment', () => {
  assert.deepEqual(
    breaches(({ room, text }) => (room !== 'bin' && /\bprocess\.env\b/.test(text) ? ['process.env'] : [])),
    [],
  );
});

test('the client side uses nothing but Node and this repository', () => {
  const side = new Set(['cli', 'client', 'api', 'base', 'oci']);
  assert.deepEqual(
    forbiddenSpecifiers((room, found) => side.has(room) && !found.typeOnly && !/^(node:|\.)/.test(found.specifier)),
    [],
  );
});

test('files stay short', () => {
  assert.deepEqual(
    breaches(({ file, text }) => {
      const lines = text.split('\n').length - 1;
      return lines > longestFileLines && !generated.has(file) ? [`${lines} lines`] : [];
    }),
    [],
  );
});

test('every dependency has its line in docs/dependencies.md', () => {
  const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as Record<string, object>;
  const kinds = ['dependencies', 'optionalDependencies', 'devDependencies'];
  const names = kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  const document = readFileSync(path.join(repository, 'docs/dependencies.md'), 'utf8');
  assert.deepEqual(
    names.filter((name) => !document.includes(`\`${name}\``)),
    [],
  );
  const listed = [...document.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? '');
  assert.deepEqual(
    listed.filter((name) => !names.includes(name)),
    [],
    'lines for what is no dependency',
  );
});

test('nothing is left half-said or skipped', () => {
  const all = globSync(['src/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts', 'bench/**/*.ts'], { cwd: repository });
  const signs =
    /TOD[O]|FIXM[E]|(oxlint|eslint)-disabl[e]|@ts-(ignor[e]|expect-erro[r])|\b(test|it|suite|describe)\.(skip|todo|only)\(/;
  const found = all.filter((file) => signs.test(readFileSync(path.join(repository, file), 'utf8')));
  assert.deepEqual(found, []);
});
