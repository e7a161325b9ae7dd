/** The tree that a template is parsed into. `at` is an index into the source, for error messages. */

export type Operand =
  | { readonly kind: 'dot'; readonly at: number }
  | { readonly kind: 'nil'; readonly at: number }
  | {
      readonly kind: 'constant';
      readonly at: number;
      readonly value: string | number | bigint | boolean;
      readonly text: string;
    }
  | { readonly kind: 'field'; readonly at: number; readonly names: readonly string[] }
  | { readonly kind: 'variable'; readonly at: number; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: 'function'; readonly at: number; readonly name: string }
  | { readonly kind: 'pipe'; readonly at: number; readonly pipe: Pipe }
  | { readonly kind: 'chain'; readonly at: number; readonly operand: Operand; readonly names: readonly string[] };

export interface Command {
  readonly at: number;
  readonly operands: readonly [Operand, ...Operand[]];
}

export interface Pipe {
  readonly at: number;
  readonly variables: readonly string[];
  /** `=` rather than `:=`. */
  readonly isAssignment: boolean;
  readonly commands: readonly [Command, ...Command[]];
}

export interface Branch {
  readonly kind: 'if' | 'with' | 'range';
  readonly at: number;
  readonly pipe: Pipe;
  readonly list: readonly Node[];
  readonly elseList: readonly Node[] | undefined;
}

export type Node =
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  | { readonly kind: 'action'; readonly at: number; readonly pipe: Pipe }
  | { readonly kind: 'template'; readonly at: number; readonly name: string; readonly pipe: Pipe | undefined }
  | { readonly kind: 'break' | 'continue'; readonly at: number }
  | Branch;

function dotted(names: readonly string[]): string {
  return names.map((name) => `.${name}`).join('');
}

/** An operand as Go prints it in error messages. */
export function describeOperand(operand: Operand): string {
  switch (operand.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'constant':
      return operand.text;
    case 'field':
      return dotted(operand.names);
    case 'variable':
      return operand.name + dotted(operand.names);
    case 'function':
      return operand.name;
    case 'pipe':
      return `(${describePipe(operand.pipe)})`;
    case 'chain':
      break;
  }
  return describeOperand(operand.operand) + dotted(operand.names);
}

export function describeCommand(command: Command): string {
  return command.operands.map(describeOperand).join(' ');
}

export function describePipe(pipe: Pipe): string {
  const commands = pipe.commands.map(describeCommand).join(' | ');
  if (pipe.variables.length === 0) return commands;
  return `${pipe.variables.join(', ')} ${pipe.isAssignment ? '=' : ':='} ${commands}`;
}
