import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCommand } from '../../src/cli/parse-command.ts';
import type { ServeConfig } from '../../src/config/config.ts';
import type { Manifest } from './manifests.ts';
import { containersOf, findPods, loadConfigOf, parseManifests, unrestricted } from './manifests.ts';
import { MOUNTED_SECRETS } from './mounted-secrets.ts';
import { findKubernetesSchemas, findTool } from './tools.ts';
import { validateManifests } from './validate-manifests.ts';

const CHART = join(import.meta.dirname, '../../deploy/helm/taskgate');
const helm = findTool('helm');
const schemas = findKubernetesSchemas();

/** Values, and the kinds that they make, in the order of their names. */
const CASES = [
  { name: 'the defaults', values: {}, kinds: 'ConfigMap ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service Service ServiceAccount' },
  {
    name: 'everything',
    values: {
      image: { repository: 'registry.example.com/taskgate', digest: `sha256:${'0f'.repeat(32)}` },
      imagePullSecrets: [{ name: 'registry' }],
      autoscaling: { enabled: true },
      reconcile: { enabled: true, apply: true, args: ['--max-prune=100'], state: { storageClassName: 'fast' } },
      networkPolicy: { stores: [{ podSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8' } }] },
      shutdown: { drainDelayMs: 15_500, graceMs: 60_000 },
      config: {
        limits: { max_message_bytes: 16_777_216, max_receiving_bytes: 33_554_432 },
        authentication: { reload_interval_ms: 10_000 },
        types: { message: { table: 'app.messages', id: 'id', parents: { task: 'task_id' }, operations: { read: 'task.read' } } },
      },
      podLabels: { team: 'platform' },
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'high',
    },
    kinds:
      'ConfigMap ConfigMap CronJob Deployment HorizontalPodAutoscaler NetworkPolicy PersistentVolumeClaim PodDisruptionBudget Service Service ServiceAccount',
  },
  {
    name: 'no Redis and no policy',
    values: { redis: { enabled: false }, networkPolicy: { enabled: false }, podDisruptionBudget: { enabled: false } },
    kinds: 'ConfigMap ConfigMap Deployment Service Service ServiceAccount',
  },
  { name: 'no server', values: { server: { enabled: false }, networkPolicy: { enabled: false } }, kinds: 'ConfigMap ConfigMap ServiceAccount' },
];

describe.skipIf(helm === undefined)('the chart', { timeout: 60_000 }, () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'taskgate-chart-'));
  });
  afterAll(async () => rm(directory, { recursive: true, force: true }));

  async function runHelm(args: readonly string[]): Promise<string> {
    const env = { PATH: process.env['PATH'] ?? '', HOME: directory };
    return (await promisify(execFile)(helm ?? '', [...args], { env })).stdout;
  }

  async function template(values: object, chart = CHART): Promise<string> {
    const file = join(directory, 'values.json');
    await writeFile(file, JSON.stringify(values));
    return runHelm(['template', 'tg', chart, '--values', file]);
  }

  function configOf(container: ReturnType<typeof containersOf>[number], pod: Parameters<typeof containersOf>[0], manifests: readonly Manifest[]): ServeConfig {
    const loaded = loadConfigOf(container, pod, manifests, MOUNTED_SECRETS);
    if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
    return loaded.config;
  }

  it('is without a warning', async () => {
    expect(await runHelm(['lint', '--strict', CHART])).toContain('0 chart(s) failed');
  });

  it.each(CASES)('makes valid manifests of $name', async ({ values, kinds }) => {
    const text = await template(values);
    const manifests = parseManifests(text);
    expect(manifests.map(({ kind }) => kind).toSorted().join(' ')).toBe(kinds);
    if (schemas !== undefined) await validateManifests(text, schemas);
    for (const pod of findPods(manifests).values()) {
      expect(unrestricted(pod)).toEqual([]);
      for (const container of containersOf(pod)) {
        expect(parseCommand(container.args ?? [])).toMatchObject({ kind: 'command' });
        const { shutdown } = configOf(container, pod, manifests);
        if (container.args?.[0] !== 'serve') continue;
        expect((pod.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(shutdown.drainDelayMs + shutdown.graceMs + 5_000);
      }
    }
  });

  it('passes settings on, and keeps what it sets itself', async () => {
    const manifests = parseManifests(await template(CASES[1]?.values ?? {}));
    const pod = findPods(manifests).get('tg-taskgate');
    const [container] = pod === undefined ? [] : containersOf(pod);
    if (pod === undefined || container === undefined) throw new Error('no container');
    expect(container.image).toBe(`registry.example.com/taskgate@sha256:${'0f'.repeat(32)}`);
    const config = configOf(container, pod, manifests);
    expect(config.limits.maxMessageBytes).toBe(16_777_216);
    expect(config.authentication).toMatchObject({ reloadIntervalMs: 10_000, tokensFile: '/etc/taskgate/tokens/tokens.yaml' });
    expect(config.shutdown).toEqual({ drainDelayMs: 15_500, graceMs: 60_000 });
  });

  it.each([
    ['a value that there is none', { replicas: 3 }],
    ['the tag latest', { image: { tag: 'latest' } }],
    ['listeners of the operator', { config: { listeners: { grpc: { address: '0.0.0.0:1' } } } }],
    ['no limit of memory', { resources: { limits: { memory: null } } }],
    ['clients that are everybody', { networkPolicy: { clients: [] } }],
    ['a peer that is everybody', { networkPolicy: { clients: [{}] } }],
    ['an endpoint without a port', { spicedb: { endpoint: 'spicedb' } }],
  ])('refuses %s', async (_, values) => {
    await expect(template(values)).rejects.toThrow(/values don't meet the specifications/);
  });

  it('gives an application its sidecar, as deploy/kubernetes/sidecar has it', async () => {
    const parent = join(directory, 'main-api');
    await mkdir(join(parent, 'templates'), { recursive: true });
    await cp(CHART, join(parent, 'charts/taskgate'), { recursive: true });
    await writeFile(join(parent, 'Chart.yaml'), 'apiVersion: v2\nname: main-api\nversion: 1.0.0\ndependencies: [{ name: taskgate, version: 0.1.0 }]\n');
    const pod = [
      'apiVersion: v1\nkind: Pod\nmetadata: { name: main-api }\nspec:',
      '  initContainers: {{- include "taskgate.sidecar" .Subcharts.taskgate | nindent 4 }}',
      '  containers: [{ name: main-api, image: "main-api:1.0.0", volumeMounts: [{ name: taskgate-socket, mountPath: /run/taskgate }] }]',
      '  volumes: {{- include "taskgate.sidecarVolumes" .Subcharts.taskgate | nindent 4 }}',
    ];
    await writeFile(join(parent, 'templates/pod.yaml'), `${pod.join('\n')}\n`);
    const text = await template({ taskgate: { server: { enabled: false }, networkPolicy: { enabled: false } } }, parent);
    if (schemas !== undefined) await validateManifests(text, schemas);
    const manifests = parseManifests(text);
    const spec = manifests.find(({ kind }) => kind === 'Pod')?.spec as Parameters<typeof containersOf>[0] | undefined;
    const [sidecar] = spec?.initContainers ?? [];
    if (spec === undefined || sidecar === undefined) throw new Error('no sidecar');
    expect(configOf(sidecar, spec, manifests).listeners.grpc).toMatchObject({ address: { path: '/run/taskgate/taskgate.sock' }, socketMode: 0o660 });

    const recipe = parse(await readFile(new URL('../../deploy/kubernetes/sidecar/main-api.yaml', import.meta.url), 'utf8'), { merge: true }) as {
      spec: { template: { spec: { initContainers: readonly (typeof sidecar)[] } } };
    };
    const [written] = recipe.spec.template.spec.initContainers;
    const shared = ['restartPolicy', 'args', 'ports', 'startupProbe', 'readinessProbe', 'livenessProbe', 'securityContext'] as const;
    for (const key of shared) expect([key, sidecar[key]]).toEqual([key, written?.[key]]);
  });
});
