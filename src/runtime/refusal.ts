import { stripVTControlCharacters } from 'node:util';

import { GantryError } from '../base/index.ts';

/** The OCI runtime would not start a process. `exitCode` is what Docker records for the container: 126, 127 or 128. */
export class StartRefusal extends GantryError {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(exitCode === 128 ? 'internal' : 'invalid', message);
    this.name = 'StartRefusal';
    this.exitCode = exitCode;
  }
}

const maxLogChars = 4096;

/** The last complaint in a runtime's log: crun writes plain lines, runc logfmt, both JSON when they are told to. */
export function lastComplaint(log: string): string {
  const lines = stripVTControlCharacters(log.slice(-maxLogChars))
    .split('\n')
    .filter((line) => line.trim() !== '');
  const complaints = lines.filter((line) => !/level=(warning|info|debug)/.test(line));
  return messageIn((complaints.at(-1) ?? '').trim().replace(timePrefix, ''));
}

/** The time, which crun puts in front where the process has a terminal. */
const timePrefix = /^\d{4}-\d\d-\d\dT[\d:.]+Z: /;

function messageIn(line: string): string {
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1] ?? (line.startsWith('{') ? line : undefined);
  if (quoted === undefined) return line;
  try {
    const value: unknown = JSON.parse(quoted);
    if (typeof value === 'string') return value;
    if (typeof value === 'object' && value !== null && 'msg' in value) return String(value.msg);
  } catch {
    // Not what it looked like: the line as it is still tells more than nothing.
  }
  return line;
}

/** crun's words for what happens to an executable, in those of runc, which Docker's users and clients know. */
function executableProblem(complaint: string, program: string): string | undefined {
  const name = JSON.stringify(program);
  if (/^executable file (`.*` )?not found/.test(complaint)) {
    return program.includes('/')
      ? `exec: ${name}: stat ${program}: no such file or directory`
      : `exec: ${name}: executable file not found in $PATH`;
  }
  const entered = /^chdir `.*`: (.+)$/.exec(complaint)?.[1];
  if (entered !== undefined) return `chdir to cwd failed: ${entered.toLowerCase()}`;
  const opened = /^open executable: (.+)$/.exec(complaint)?.[1];
  if (opened === undefined) return undefined;
  if (program === '') return `exec: "": executable file not found in $PATH`;
  if (opened === 'Operation not permitted') return `exec: ${name}: is a directory`;
  return `exec: ${name}: ${opened.toLowerCase()}`;
}

/** 127: there is no such program; 126: it cannot be run; 128: anything else. */
function exitCodeFor(message: string): number {
  const lower = message.toLowerCase();
  if (lower.includes('chdir to cwd')) return 126;
  if (/executable file not found|no such file or directory/.test(lower)) return 127;
  return /permission denied|is a directory|not a directory/.test(lower) ? 126 : 128;
}

const mountHint =
  ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';

export interface Refused {
  readonly runtimeName: string;
  readonly operation: 'run' | 'exec';
  /** First word of the command. */
  readonly program: string;
  readonly log: string;
  /** Its exit status; undefined when nobody saw it. */
  readonly status?: number | undefined;
}

/** The refusal that a runtime's log tells of, in Docker's words. */
export function refusalOf({ runtimeName, operation, program, log, status }: Refused): StartRefusal {
  const complaint = lastComplaint(log);
  const translated = executableProblem(complaint, program);
  const cause = causeOf(complaint || endOf(status), translated, runtimeName, operation);
  const frame =
    operation === 'run'
      ? `failed to create task for container: failed to create shim task: OCI runtime create failed: ${cause}: unknown`
      : `OCI runtime exec failed: ${cause}: unknown`;
  const hint = translated === undefined && /: not a directory/i.test(complaint) ? mountHint : '';
  return new StartRefusal(`${frame}${hint}`, exitCodeFor(frame));
}

function endOf(status: number | undefined): string {
  return status === undefined ? 'it was killed' : `it ended with status ${status} and did not say why`;
}

function causeOf(
  complaint: string,
  translated: string | undefined,
  runtimeName: string,
  operation: 'run' | 'exec',
): string {
  const failed = operation === 'run' ? 'runc create failed' : 'exec failed';
  if (translated !== undefined) return `${failed}: unable to start container process: ${translated}`;
  const ofRunc = /^(?:runc run failed|exec failed): (.*)$/s.exec(complaint)?.[1];
  if (ofRunc !== undefined) return `${failed}: ${ofRunc}`;
  return `${runtimeName}: ${complaint}`;
}
