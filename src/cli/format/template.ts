import { evaluate, type Execution } from './evaluator.ts';
import { type Functions, standardFunctions } from './functions.ts';
import { parse, type ParsedTemplate } from './parser.ts';

/** A template of Go's text/template with the functions that docker adds to it. */
export class Template {
  readonly #parsed: ParsedTemplate;

  /** Throws TemplateError with Go's text. */
  constructor(source: string) {
    this.#parsed = parse(source, (name) => Object.hasOwn(standardFunctions, name));
  }

  /**
   * The text that the template makes of `data` (see values.ts for what its values may be). With `missingKeyIsError` a key that
   * a plain object lacks is an error instead of `<no value>`; Maps give no value. Throws TemplateError with Go's text.
   */
  execute(data: unknown, options: { readonly missingKeyIsError?: boolean } = {}): string {
    const { text, error } = this.#execution(data, standardFunctions, options.missingKeyIsError ?? false);
    if (error !== undefined) throw error;
    return text;
  }

  /** The same with other functions; a failure ends the text where it happens. */
  executeLeniently(data: unknown, functions: Functions): string {
    return this.#execution(data, functions, false).text;
  }

  #execution(data: unknown, functions: Functions, missingKeyIsError: boolean): Execution {
    return evaluate(this.#parsed, data, { functions, missingKeyIsError });
  }
}
