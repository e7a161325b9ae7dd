import { GantryError } from '../base/index.ts';

import type { SpecUser } from './specInput.ts';

/** A container's user database, as read from inside its root; undefined where the file is missing. */
export interface UserDatabase {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** More than this of /etc/passwd or /etc/group is not read (passed to the reader by the caller). */
export const userDatabaseLimitBytes = 4 * 1024 * 1024;

const highestId = 0x7fff_ffff;

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= highestId ? id : undefined;
}

function linesOf(text: string | undefined): string[] {
  return (text ?? '').split('\n').map((line) => line.trim());
}

/** passwd(5). A line that cannot be read is no entry. */
function parsePasswd(text: string | undefined): PasswdEntry[] {
  return linesOf(text).flatMap((line) => {
    const [name = '', , uidText, gidText, , home = ''] = line.split(':');
    const [uid, gid] = [idOf(uidText), idOf(gidText)];
    return name === '' || name.startsWith('#') || uid === undefined || gid === undefined
      ? []
      : [{ name, uid, gid, home }];
  });
}

/** group(5). */
function parseGroup(text: string | undefined): GroupEntry[] {
  return linesOf(text).flatMap((line) => {
    const [name = '', , gidText, members = ''] = line.split(':');
    const gid = idOf(gidText);
    if (name === '' || name.startsWith('#') || gid === undefined) return [];
    return [{ name, gid, members: members.split(',').filter((member) => member !== '') }];
  });
}

const outOfRange = (): never => {
  throw new GantryError('invalid', 'uids and gids must be in range 0-2147483647');
};

/** A number in the form that a user or group may take, or undefined for a name. */
function numeric(text: string): number | undefined {
  if (!/^-?[0-9]+$/.test(text)) return undefined;
  return idOf(text) ?? outOfRange();
}

function findUser(wanted: string, database: UserDatabase): PasswdEntry {
  const entries = parsePasswd(database.passwd);
  const number = numeric(wanted);
  const entry = entries.find(({ name, uid }) => name === wanted || (number !== undefined && uid === number));
  if (entry !== undefined) return entry;
  if (number !== undefined) return { name: '', uid: number, gid: 0, home: '/' };
  throw new GantryError('invalid', `unable to find user ${wanted}: no matching entries in passwd file`);
}

function findGroup(wanted: string, groups: readonly GroupEntry[]): number {
  const number = numeric(wanted);
  const entry = groups.find(({ name, gid }) => name === wanted || (number !== undefined && gid === number));
  if (entry !== undefined) return entry.gid;
  if (number !== undefined) return number;
  throw new GantryError('invalid', `unable to find group ${wanted}: no matching entries in group file`);
}

/** `--group-add`: names have to be there, numbers need not. */
function addedGroups(wanted: readonly string[], groups: readonly GroupEntry[]): number[] {
  return wanted.map((text) => {
    const entry = groups.find(({ name }) => name === text);
    const gid = entry?.gid ?? numeric(text);
    if (gid !== undefined) return gid;
    throw new GantryError('invalid', `Unable to find group ${text}: no matching entries in group file`);
  });
}

/**
 * Who a process runs as: `user` is Docker's `--user` (`name`, `uid`, each with `:group` or `:gid`, empty for root), looked
 * up in the container's own files. Supplementary groups are those that list the user, unless a group was named, and then
 * `groupAdd`. A name that is not there is `invalid`, in Docker's words.
 */
export function resolveUser(
  user: string,
  database: UserDatabase,
  groupAdd: readonly string[] = [],
): SpecUser & { readonly home: string } {
  const [userText = '', ...groupTexts] = user.split(':');
  const groupText = groupTexts.join(':');
  const groups = parseGroup(database.group);
  const entry = findUser(userText === '' ? '0' : userText, database);
  const gid = groupText === '' ? entry.gid : findGroup(groupText, groups);
  const own =
    groupText === '' ? groups.filter(({ members }) => members.includes(entry.name)).map(({ gid }) => gid) : [];
  // Docker puts the primary group first, so that dropping supplementary groups does not widen access (CVE-2022-36109).
  const additionalGids = [...new Set([gid, ...own, ...addedGroups(groupAdd, groups)])];
  return { uid: entry.uid, gid, additionalGids, home: entry.home === '' ? '/' : entry.home };
}
