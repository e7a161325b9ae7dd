/** JSON text laid out with four blanks a level, its numbers, escapes and key order untouched. */
export function indentJson(text: string, level = 0): string {
  let output = '';
  let depth = level;
  const newline = (): string => `\n${'    '.repeat(depth)}`;
  const token = /"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s"{}[\],:]+/gs;
  for (const [part] of text.matchAll(token)) {
    if (part === '{' || part === '[') {
      depth++;
      output += part + newline();
    } else if (part === '}' || part === ']') {
      depth--;
      output += newline() + part;
    } else if (part === ',') output += part + newline();
    else if (part === ':') output += ': ';
    else output += /^[{[]/.test(part) ? part.replaceAll(/\s/g, '') : part;
  }
  return output;
}
