import fc from 'fast-check';
import { parseCommand } from '../../../src/cli/parse-command.ts';
import { parseListenerAddress, parseTcpAddress } from '../../../src/config/address.ts';
import { identifierProblem, nameProblem } from '../../../src/domain/identifier.ts';
import { escapeObjectId, isEscapableId, unescapeObjectId } from '../../../src/relationships/object-id.ts';
import { hostileText } from '../../support/hostile-text.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text, toText } from '../target.ts';

const hostileBytes = hostileText.map(text);

const identifiers: FuzzTarget = {
  name: 'identifiers',
  seeds: ['task-1', 'ann@example.com', 'täsk/1', '', '*', '\0', 'a'.repeat(1_025), 'é'.repeat(171), '\uFFFD'].map(text),
  arbitrary: fc.oneof(
    hostileBytes,
    fc.array(fc.nat({ max: 0xffff })).map((units) => Buffer.from(`\xff${String.fromCharCode(...units)}`, 'utf16le')),
  ),
  run(input) {
    const id = toText(input);
    const problem = identifierProblem(id);
    const named = nameProblem(id);
    assertThat(isEscapableId(id) === (problem === undefined), 'what is an id can be written');
    if (problem === undefined) {
      const escaped = escapeObjectId(id);
      assertThat(escaped !== undefined && escaped.length <= 1_024, 'an id has a form that SpiceDB takes');
      assertThat(unescapeObjectId(escaped ?? '') === id, 'an id comes back');
      assertThat(named === undefined, 'an id could be a name');
    }
    return `${problem} ${named}`;
  },
};

const objectIds: FuzzTarget = {
  name: 'object-ids',
  seeds: ['task-1', 'ann=40example.com', '=2A', '=sentinel/1', '=C3=A9', '=c3', '=', '=0', '=ED=A0=80', '=C0=80'].map(
    text,
  ),
  dictionary: ['=', '=C3', '=A9', '=00', '=FF', '=ED=A0=80', '=EF=BF=BD', '=F4=90=80=80', '=41', '*'],
  arbitrary: hostileText.map((id) => text(escapeObjectId(id) ?? id)),
  run(input) {
    const escaped = toText(input);
    const id = unescapeObjectId(escaped);
    if (id === undefined) return 'none of ours';
    assertThat(escapeObjectId(id) === escaped, 'what is read as an id is written as itself');
    return escaped === id ? 'plain' : 'escaped';
  },
};

const addresses: FuzzTarget = {
  name: 'addresses',
  seeds: [
    '127.0.0.1:1',
    '[::1]:443',
    'unix:/run/x.sock',
    'unix:///x',
    'a.b.c:65535',
    'a.b.c:65536',
    '[::ffff:1.2.3.4]:1',
  ].map(text),
  dictionary: ['[', ']', ':', '.', '-', '_', '%', 'unix:', '//', '0x7f', '127.1', '::', '65535', '@', 'a.'],
  run(input) {
    const address = toText(input);
    const [listener, tcp] = [parseListenerAddress(address), parseTcpAddress(address)];
    if (tcp !== undefined) assertThat(tcp.port <= 65_535 && !/[\s\0/@]/.test(tcp.host), 'a host is a host');
    assertThat(tcp === undefined || listener?.kind === 'tcp', 'what is a TCP address is one to listen on');
    return `${listener?.kind} ${tcp?.kind}`;
  },
};

const commandLines: FuzzTarget = {
  name: 'command-lines',
  seeds: [
    'serve',
    'config\0--demo',
    'add-account\0acme',
    'reconcile\0--apply\0--type=task',
    '--help',
    '--a\nb',
    '',
    '--',
  ].map(text),
  dictionary: [
    '\0',
    '--',
    '-',
    '--apply',
    '--max-orphans=',
    '--rate',
    '--grace',
    '=',
    'reconcile',
    'backfill',
    '--type',
  ],
  run(input) {
    const parsed = parseCommand(toText(input).split('\0'));
    if (parsed.kind !== 'error') return parsed.kind === 'command' ? parsed.command.name : parsed.kind;
    assertThat(parsed.message !== '' && !parsed.message.includes('\n'), 'an error is one line');
    return parsed.message.split(' ').slice(0, 2).join(' ').replace(/^--.*/, 'a flag');
  },
};

export const ID_TARGETS: readonly FuzzTarget[] = [identifiers, objectIds, addresses, commandLines];
