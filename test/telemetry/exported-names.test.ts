import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { AuthorizationService, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { renderReconcileMetrics } from '../../src/telemetry/reconcile-metrics.ts';
import { ask } from '../support/check-requests.ts';
import { callAny, requestsAbout } from '../support/every-rpc.ts';
import type { MethodName } from '../support/every-rpc.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { useTaskgate } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook_url: string };
}
interface Dashboard {
  readonly panels: readonly {
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const alerts = (parse(read('deploy/prometheus/alerts.yaml')) as { groups: [{ rules: readonly Alert[] }] }).groups[0]
  .rules;
const dashboard = JSON.parse(read('deploy/grafana/taskgate.json')) as Dashboard;
const OPERATIONS = read('docs/operations.md');

/** What the scraper adds. */
const SCRAPED = ['instance'];
const LOG = join(tmpdir(), `taskgate-decisions-${randomUUID()}.log`);
const gate = useTaskgate({ yaml: `telemetry: { decision_log: { sink: file, path: "${LOG}" } }` });
afterAll(async () => rm(LOG, { force: true }));
const scrape = async (): Promise<string> =>
  (await exchangeHttp1(`http://${gate().addresses.admin}/metrics`, { method: 'GET' })).body;

/** Name → its labels, of all series in the text; of a metric without a series, what its line of help says it is. */
function exported(text: string): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, described] = /^# TYPE (\S+)/.exec(line) ?? [];
    const [, name = described, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = names.get(name) ?? new Set<string>();
    for (const [, label = ''] of labels.matchAll(/([a-z_]+)="/g)) known.add(label);
    names.set(name, known);
  }
  return names;
}

/** The metrics in an expression, each with the labels that it is selected and grouped by. */
function used(expr: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((name) => name.trim()),
  );
  return [...expr.matchAll(/\b(taskgate_[a-z_]+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => ({
    name,
    labels: [...grouped, ...Array.from(selector.matchAll(/([a-z_]+)[=!]/g), ([, label = '']) => label)],
  }));
}

/** Every label that a metric of this build can have, from where it is made: a metric that has counted nothing shows none. */
const MADE = ['metrics', 'server-metrics', 'process-metrics', 'rollout-observer']
  .map((file) => read(`src/telemetry/${file}.ts`))
  .join('\n');
function labelsMade(name: string): readonly string[] {
  const at = MADE.indexOf(`'${name}'`);
  const [, list = ''] = /labelNames: \[([^\]]*)\]/.exec(MADE.slice(at, MADE.indexOf('registers', at) + 1)) ?? [];
  return at === -1 ? [] : [...list.matchAll(/'([a-z_]+)'/g)].map(([, label = '']) => label);
}

let names: Map<string, Set<string>>;
beforeAll(async () => {
  const client = createGrpcClient('gRPC', gate().addresses.grpc);
  const requests = requestsAbout('task-1');
  for (const name of Object.keys(requests) as MethodName[]) await callAny(client, name, requests[name]);
  await client.call(AuthorizationService.method.checkTask, ask('dave', 'message', 'msg-1'));
  await client[Symbol.asyncDispose]();
  const reconciled = await renderReconcileMetrics({
    command: 'reconcile',
    result: 'drift',
    endedAtMs: 0,
    durationMs: 1,
    lastSuccessAtMs: 0,
    types: [{ type: 'task', isKnown: true, resources: 1, rows: 1, drift: { orphans: { found: 1, repaired: 0 } } }],
  });
  names = exported(`${await scrape()}\n${reconciled}`);
});

describe.each([
  ...alerts.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => [`panel ${expr}`, expr] as const)),
])('%s', (_, expr) => {
  test('uses metrics and labels that a server exports', () => {
    const uses = used(expr);
    expect(uses.length).toBeGreaterThan(0);
    for (const { name, labels } of uses) {
      const family = name.replace(/_(?:bucket|sum|count)$/, '');
      const shown = names.get(name) ?? names.get(family);
      expect(shown, name).toBeDefined();
      const known = [...(shown ?? []), ...labelsMade(family), ...SCRAPED, 'le'];
      for (const label of labels) expect(known, `${name}{${label}}`).toContain(label);
    }
  });
});

test('every metric that a server exports is on the dashboard', () => {
  const shown = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
  const families = [...names.keys()].filter(
    (name) => name.startsWith('taskgate_') && !name.startsWith('taskgate_reconcile'),
  );
  for (const name of families) expect(shown).toContain(name.replace(/_(?:bucket|sum|count)$/, ''));
});

test('every alert has its section, which says what it means and what to do', () => {
  const sections = OPERATIONS.split(/^### /m);
  for (const { alert, annotations } of alerts) {
    const section = sections.find((text) => text.startsWith(`${alert}\n`)) ?? '';
    expect(section, alert).toMatch(/\*\*Means:\*\* .+[\s\S]*\*\*Do:\*\* .+/);
    expect(annotations.runbook_url).toBe(`docs/operations.md#${alert.toLowerCase()}`);
  }
});

test('hostile requests add no value to any label', async () => {
  const client = createGrpcClient('gRPC', gate().addresses.grpc);
  const http = `http://${gate().addresses.http}`;
  const wild = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    fc.constantFrom('task', 'message', '__proto__', 'constructor', '"} 1\ntaskgate_x{a="', '*', 'toString'),
  );
  const valuesOf = async (): Promise<Map<string, Set<string>>> => {
    const values = new Map<string, Set<string>>();
    for (const [, name = '', value = ''] of (await scrape()).matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
    return values;
  };
  await fc.assert(
    fc.asyncProperty(wild, wild, wild, wild, async (user, type, id, path) => {
      await client.call(AuthorizationService.method.checkTask, ask(user, type, id, Operation.EXECUTE));
      await client.call(AuthorizationService.method.grantRole, {
        resource: { type, key: { case: 'name', value: id } },
      });
      const url = encodeURI(`${http}/taskgate.v1.AuthorizationService/${path.toWellFormed()}`);
      await exchangeHttp1(url, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ [type]: id }),
      });
    }),
    { numRuns: 100 },
  );
  await client[Symbol.asyncDispose]();
  const allowed: Readonly<Record<string, RegExp>> = {
    method:
      /^(?:CheckTask|BatchCheckTask|FilterReadableTasks|ListReadableTasks|RegisterResource|DeregisterResource|GrantRole|RevokeRole)$/,
    type: /^(?:task|agent|api_key|schedule|message|state|tracker|event|checkpoint|unknown)$/,
    operation: /^(?:create|read|update|delete|execute|cancel|share)$/,
    outcome:
      /^(?:ALLOWED|NOT_FOUND|FORBIDDEN|ERROR|hit|miss|off|rejected|fault|write_fault|ok|refused|failed|again|retried|exhausted)$/,
    reason: /^(?:held|denied|absent|created|[A-Z][A-Za-z]+Error|full|failed|closed|missing|unknown|permission)$/,
    transport: /^(?:grpc|connect|http)$/,
    caller: /^local$/,
    code: /^\d{1,2}$/,
    parent: /^(?:none|memory|redis|database)$/,
    relationships: /^(?:none|cache|spicedb)$/,
  };
  for (const [label, values] of await valuesOf()) {
    const pattern = allowed[label];
    for (const value of values) expect(value, label).toMatch(pattern ?? /^[a-z0-9_.+]+$|^\+Inf$/i);
  }
  for (const label of Object.keys(allowed)) expect([...(await valuesOf()).keys()]).toContain(label);
});
