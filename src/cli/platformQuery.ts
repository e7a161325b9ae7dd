import { GantryError } from '../base/index.ts';

export interface PlatformWords {
  readonly os: string;
  readonly architecture?: string;
  readonly variant?: string;
}

/** `os[/arch[/variant]]` by its parts. */
export function platformWords(text: string): PlatformWords {
  const [os = '', architecture, variant, ...more] = text.split('/');
  if (os === '' || more.length > 0) throw new GantryError('invalid', `${JSON.stringify(text)}: invalid platform`);
  return { os, ...(architecture === undefined ? {} : { architecture }), ...(variant === undefined ? {} : { variant }) };
}

/** A platform as the API's query takes it: JSON, or nothing. */
export function platformQuery(text: string): string {
  return text === '' ? '' : JSON.stringify(platformWords(text));
}
