/**
 * The bridge's firewall: what is ours lives in one nft table per bridge, replaced as a whole. Rules of others are left
 * alone, with one exception: where the host's own FORWARD chain would drop what the bridge forwards (its policy is drop,
 * or Docker rules it), rules for our bridge alone, marked by a comment, are put in front of it.
 */
import { GantryError, type Logger } from '../base/index.ts';
import type { IptablesRunner, NetworkKernel, NftRunner } from '../linux/index.ts';

export interface FirewallOptions {
  readonly bridge: string;
  /** CIDR of the containers' addresses. */
  readonly subnet: string;
  readonly masquerade: boolean;
}

type IptablesRule = { readonly table: 'nat' | 'filter'; readonly chain: string; readonly match: readonly string[] };

const maxCopiesOfRule = 16;

/** The nft table's name. Two daemons have two bridges, and so two tables. */
export const tableName = (bridge: string): string => `gantry_${bridge}`;

/**
 * Commands that replace the bridge's table as one atomic change. Containers reach everything and what they reach may
 * answer; nothing else enters from other links, but for ports that are published (their destination is rewritten).
 */
export function firewallRules({ bridge, subnet, masquerade }: FirewallOptions): string {
  const table = tableName(bridge);
  const masqueradeRule = `    ip saddr ${subnet} oifname != "${bridge}" masquerade`;
  return [
    ...replaceable(table),
    `table ip ${table} {`,
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    ...(masquerade ? [masqueradeRule] : []),
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter; policy accept;',
    `    oifname "${bridge}" ct state established,related accept`,
    `    oifname "${bridge}" ct status dnat accept`,
    `    iifname "${bridge}" accept`,
    `    oifname "${bridge}" drop`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Commands that remove the bridge's table, whether it is there or not. */
export const firewallRemoval = (bridge: string): string => `${replaceable(tableName(bridge)).join('\n')}\n`;

/** `delete` fails on a table that is not there, so it is added before. */
const replaceable = (table: string): string[] => [`table ip ${table}`, `delete table ip ${table}`];

/** Rules that let the bridge through a FORWARD chain; each is put in front of the one before. */
function forwardRules(bridge: string): IptablesRule[] {
  const matches = [
    ['-o', bridge, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'],
    ['-o', bridge, '-m', 'conntrack', '--ctstate', 'DNAT'],
    ['-i', bridge],
  ];
  const comment = ['-m', 'comment', '--comment', tableName(bridge)];
  return matches.map((match) => ({ table: 'filter', chain: 'FORWARD', match: [...match, ...comment, '-j', 'ACCEPT'] }));
}

function masqueradeRule(bridge: string, subnet: string): IptablesRule {
  const match = ['-s', subnet, '!', '-o', bridge, '-m', 'comment', '--comment', tableName(bridge), '-j', 'MASQUERADE'];
  return { table: 'nat', chain: 'POSTROUTING', match };
}

/** Whether a FORWARD chain, as nft or `iptables -S` prints it, would keep a bridge's traffic back. */
export function blocksForwarding(chain: string): boolean {
  return /policy drop|-P FORWARD DROP|jump DOCKER|-j DOCKER/.test(chain);
}

/**
 * Puts the bridge's rules in place; run again, it changes nothing but what is missing. Throws GantryError `unavailable`
 * when no firewall tool is installed, and `internal` when the tool refuses.
 */
export function applyFirewall(kernel: NetworkKernel, options: FirewallOptions, logger: Logger): void {
  const nft = kernel.nft();
  if (nft === undefined) {
    applyWithoutNft(kernel, options);
    return;
  }
  runNft(nft, firewallRules(options));
  for (const { iptables, chain } of forwardChains(kernel, nft)) {
    if (!blocksForwarding(chain)) continue;
    logger.info('letting the bridge through the FORWARD chain of the host', { bridge: options.bridge });
    // A chain that does not name the bridge has none of its rules, and each question costs a process.
    const put = chain.includes(options.bridge) ? ensureRule : insertRule;
    for (const rule of forwardRules(options.bridge)) put(iptables, rule);
  }
}

/** Removes the bridge's rules. `subnet` is the one that they were made for. */
export function removeFirewall(kernel: NetworkKernel, { bridge, subnet }: FirewallOptions): void {
  const nft = kernel.nft();
  if (nft === undefined) {
    const iptables = kernel.iptables('iptables');
    if (iptables === undefined) return;
    for (const rule of [masqueradeRule(bridge, subnet), ...forwardRules(bridge)]) removeRule(iptables, rule);
    return;
  }
  runNft(nft, firewallRemoval(bridge));
  for (const { iptables, chain } of forwardChains(kernel, nft)) {
    // nft does not print iptables' comments, but it prints the bridge's name.
    if (!chain.includes(bridge)) continue;
    for (const rule of forwardRules(bridge)) removeRule(iptables, rule);
  }
}

function runNft(nft: NftRunner, commands: string): void {
  try {
    nft(commands);
  } catch (cause) {
    throw new GantryError('internal', 'the firewall refused the rules of the bridge', { cause });
  }
}

function applyWithoutNft(kernel: NetworkKernel, { bridge, subnet, masquerade }: FirewallOptions): void {
  const iptables = kernel.iptables('iptables');
  if (iptables === undefined) {
    throw new GantryError('unavailable', 'neither libnftables nor nft nor iptables is installed', {
      hint: 'Install nftables, or start the daemon with --iptables=false.',
    });
  }
  if (masquerade) ensureRule(iptables, masqueradeRule(bridge, subnet));
  for (const rule of forwardRules(bridge)) ensureRule(iptables, rule);
}

interface ForwardChain {
  readonly iptables: IptablesRunner;
  readonly chain: string;
}

/** FORWARD chains of iptables that exist; looking must not create them, as running iptables can. */
function forwardChains(kernel: NetworkKernel, nft: NftRunner): ForwardChain[] {
  const chains: ForwardChain[] = [];
  const iptables = kernel.iptables('iptables-nft') ?? kernel.iptables('iptables');
  const chain = nftForwardChain(nft);
  if (chain !== undefined && iptables !== undefined) chains.push({ iptables, chain });
  const legacy = kernel.legacyTables().includes('filter') ? kernel.iptables('iptables-legacy') : undefined;
  if (legacy !== undefined) chains.push({ iptables: legacy, chain: legacy(['-S', 'FORWARD']).output });
  return chains;
}

function nftForwardChain(nft: NftRunner): string | undefined {
  try {
    return nft('list chain ip filter FORWARD\n');
  } catch {
    return undefined;
  }
}

function ensureRule(iptables: IptablesRunner, rule: IptablesRule): void {
  if (iptables(['-t', rule.table, '-C', rule.chain, ...rule.match]).status !== 0) insertRule(iptables, rule);
}

function insertRule(iptables: IptablesRunner, { table, chain, match }: IptablesRule): void {
  const ended = iptables(['-t', table, '-I', chain, ...match]);
  if (ended.status === 0) return;
  throw new GantryError('internal', `iptables refused the rule for ${chain}: ${ended.errorOutput.trim()}`);
}

function removeRule(iptables: IptablesRunner, { table, chain, match }: IptablesRule): void {
  for (let copies = 0; copies < maxCopiesOfRule; copies += 1) {
    if (iptables(['-t', table, '-D', chain, ...match]).status !== 0) return;
  }
}
