/** One CSV record (RFC 4180): fields may be quoted, with doubled quotes inside. */
export function splitFields(text: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const letter = text[index] ?? '';
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[index + 1] === '"') {
        field += '"';
        index++;
      } else quoted = false;
    } else if (letter === '"' && field === '') quoted = true;
    else if (letter === ',') {
      fields.push(field);
      field = '';
    } else field += letter;
  }
  if (quoted) throw new Error('parse error on line 1, column 1: extraneous or missing " in quoted-field');
  return [...fields, field];
}
