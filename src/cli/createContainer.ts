/** Creating a container for `run` and `create`: the image is pulled when it is not there. */
import { closeSync, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';

import { isKind, messageOf } from '../base/index.ts';
import { createContainer } from '../client/index.ts';
import { familiar, parseReference, withDefaultTag, type Reference } from '../oci/index.ts';
import type { ContainerCreateRequest } from '../api/index.ts';
import { programName, type Context } from './command.ts';
import { createRequest, type ContainerInput } from './containerConfig.ts';
import { errorText, ExitError } from './errors.ts';
import { pullReference } from './pullImage.ts';
import { write } from './world.ts';

/** Ends with `status`, the error as the program's own, and where help is. */
export function failedWith(context: Context, status: number, text: string): ExitError {
  return new ExitError(status, `${programName}: ${text}\n\nRun '${context.path} --help' for more information`);
}

/** Checks the options and makes the request's body; what is wrong with them ends with status 125. */
export function checkedRequest(
  context: Context,
  input: ContainerInput,
  consoleSize: readonly [number, number],
): ContainerCreateRequest {
  try {
    const { pull } = input.values as { pull?: string };
    if (!['always', 'missing', 'never', ''].includes(pull ?? '')) {
      throw new Error(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
    }
    return createRequest(context.world, input, consoleSize);
  } catch (error) {
    throw failedWith(context, 125, errorText(error));
  }
}

const idForm = /^(?:sha256:)?[0-9a-f]{64}$/;

/** The reference that an image argument is, or undefined for an id, which no registry knows. */
function referenceOf(image: string): Reference | undefined {
  return idForm.test(image) ? undefined : withDefaultTag(parseReference(image));
}

/** Reserves the file for the id before anything is created; `keep` writes it, `drop` removes the file. */
class IdFile {
  readonly #path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  static open(context: Context, name: string): IdFile | undefined {
    if (name === '') return undefined;
    const path = resolve(context.world.workingDirectory, name);
    if (existsSync(path)) {
      throw failedWith(
        context,
        125,
        `container ID file found, make sure the other container isn't running or delete ${name}`,
      );
    }
    try {
      return new IdFile(path, openSync(path, 'wx', 0o644));
    } catch (error) {
      throw failedWith(context, 125, `failed to create the container ID file: ${messageOf(error)}`);
    }
  }

  keep(id: string): void {
    writeSync(this.#fd, id);
    closeSync(this.#fd);
  }

  drop(): void {
    closeSync(this.#fd);
    unlinkSync(this.#path);
  }
}

export interface CreateOptions {
  readonly name: string;
  readonly platform: string;
  /** `always`, `missing` or `never`. */
  readonly pull: string;
  readonly quiet: boolean;
  readonly cidfile: string;
}

async function pullFor(context: Context, reference: Reference, options: CreateOptions): Promise<void> {
  const output = options.quiet ? undefined : context.world.stderr;
  await pullReference(context, reference, { platform: options.platform, output });
}

async function createOrPull(
  context: Context,
  body: ContainerCreateRequest,
  options: CreateOptions,
): Promise<{ Id: string; Warnings: string[] | null }> {
  const { name, platform } = options;
  const reference = referenceOf(body.Image ?? '');
  if (options.pull === 'always' && reference !== undefined) await pullFor(context, reference, options);
  try {
    return await createContainer(context.api, body, { name, platform });
  } catch (error) {
    const missing = isKind(error, 'notFound') && /no such image/i.test(error.message);
    if (!missing || reference === undefined || options.pull !== 'missing') throw error;
    await write(context.world.stderr, `Unable to find image '${familiar(reference)}' locally\n`);
    await pullFor(context, reference, options);
    return createContainer(context.api, body, { name, platform });
  }
}

/** Creates the container, warns as the daemon says, and resolves with its id. */
export async function createWithImage(
  context: Context,
  body: ContainerCreateRequest,
  options: CreateOptions,
): Promise<string> {
  const idFile = IdFile.open(context, options.cidfile);
  try {
    const created = await createOrPull(context, body, options);
    for (const warning of created.Warnings ?? []) await write(context.world.stderr, `WARNING: ${warning}\n`);
    idFile?.keep(created.Id);
    return created.Id;
  } catch (error) {
    idFile?.drop();
    throw error;
  }
}
