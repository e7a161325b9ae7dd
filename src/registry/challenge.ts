/** One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1); the scheme and the parameters' names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const lengthMax = 16 * 1024;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(String.raw`[\s,]*(${token})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|(${token}))`, 'y');
const scheme = new RegExp(String.raw`[\s,]*(${token})(?=[\s,]|$)`, 'y');

/** The challenges in a header's value, in order; what cannot be read ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, lengthMax);
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (let at = 0; at < text.length;) {
    parameter.lastIndex = scheme.lastIndex = at;
    const pair = parameter.exec(text);
    const current = challenges.at(-1);
    if (pair !== null && current !== undefined) {
      const value = pair[3] ?? (pair[2] ?? '').replaceAll(/\\(.)/g, '$1');
      current.parameters[(pair[1] ?? '').toLowerCase()] = value;
      at = parameter.lastIndex;
      continue;
    }
    const name = scheme.exec(text);
    if (name === null) break;
    challenges.push({
      scheme: (name[1] ?? '').toLowerCase(),
      parameters: Object.create(null) as Record<string, string>,
    });
    at = scheme.lastIndex;
  }
  return challenges;
}
