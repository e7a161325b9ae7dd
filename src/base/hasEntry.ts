/** Whether `entries` has what `text` names: a key, or `key=value`, that is a key with just this value. Filters on labels read so. */
export function hasEntry(entries: Readonly<Record<string, string>>, text: string): boolean {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  return Object.hasOwn(entries, key) && (at < 0 || entries[key] === text.slice(at + 1));
}
