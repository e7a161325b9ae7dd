/**
 * Where a worker thread's entry lies. From source it is the sibling `NAME.ts` of the module that asks; in the bundled
 * daemon everything lies side by side in one directory, the entry as `NAME.mjs`. Call it as `workerUrl(import.meta.url, 'x')`.
 */
export function workerUrl(moduleUrl: string, name: string): URL {
  return new URL(moduleUrl.endsWith('.ts') ? `./${name}.ts` : `./${name}.mjs`, moduleUrl);
}
