/** ECMAScript's "JSON.parse source text access" proposal; the compiler's library does not have it yet. */
interface SourceTextJson extends JSON {
  rawJSON(text: string): unknown;
}

/** What JSON.stringify writes as `text` stands: for numbers of more digits than JavaScript's own have. */
export function rawJson(text: string): unknown {
  return (JSON as SourceTextJson).rawJSON(text);
}
