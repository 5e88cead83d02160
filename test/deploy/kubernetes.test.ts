import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { findPods, loadConfigOf, parseManifests, unrestricted } from './manifests.ts';
import type { Manifest } from './manifests.ts';
import { MOUNTED_SECRETS, TASKGATE_COMMAND } from './mounted-secrets.ts';
import { validateManifests } from './validate-manifests.ts';
import { findKubernetesSchemas, findTool } from './tools.ts';

const KUBERNETES = join(import.meta.dirname, '../../deploy/kubernetes');
const kustomize = findTool('kustomize');
const schemas = findKubernetesSchemas();

const RECIPES = [
  { name: 'base', manifests: await loadRecipe('base'), pods: ['taskgate', 'taskgate-reconcile'] },
  { name: 'sidecar', manifests: await loadRecipe('sidecar'), pods: ['main-api'] },
];

describe.each(RECIPES)('deploy/kubernetes/$name', ({ name, manifests, pods }) => {
  const found = findPods(manifests);

  it('makes the pods that it says, restricted and from a tree that nobody writes', () => {
    expect([...found.keys()].toSorted()).toEqual(pods);
    for (const pod of found.values()) expect(unrestricted(pod)).toEqual([]);
  });

  it('runs taskgate with commands that there are and a configuration that is valid', () => {
    const containers = [...found.values()].flatMap((pod) =>
      [...(pod.initContainers ?? []), ...pod.containers]
        .filter(({ image }) => image === 'taskgate')
        .map((container) => ({ pod, container })),
    );
    expect(containers).toHaveLength(pods.length);
    for (const { pod, container } of containers) {
      expect(parseCommand(container.args ?? [])).toMatchObject({ kind: 'command' });
      const loaded = loadConfigOf(container, pod, manifests, MOUNTED_SECRETS);
      if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
      if (container.args?.[0] !== 'serve') continue;
      const { listeners, shutdown } = loaded.config;
      const port = container.ports?.find(({ containerPort }) => containerPort === listeners.admin.address.port);
      for (const probe of [container.readinessProbe, container.livenessProbe]) expect(probe?.httpGet?.port).toBe(port?.name);
      // The kubelet does not come from loopback.
      expect(listeners.admin.address.host).toBe('0.0.0.0');
      expect(container.readinessProbe?.httpGet?.path).toBe('/readyz');
      expect(container.livenessProbe?.httpGet?.path).toBe('/livez');
      expect(container.resources.limits?.memory).toBe('256Mi');
      expect((pod.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(shutdown.drainDelayMs + shutdown.graceMs + 5_000);
    }
  });

  it.skipIf(kustomize === undefined)('is rendered by kustomize to what Kubernetes takes', { timeout: 60_000 }, async () => {
    const { stdout } = await promisify(execFile)(kustomize ?? '', ['build', join(KUBERNETES, name)]);
    const rendered = parseManifests(stdout);
    for (const pod of findPods(rendered).values()) {
      for (const { image } of [...(pod.initContainers ?? []), ...pod.containers]) expect(image).toMatch(/:\d/);
    }
    if (schemas !== undefined) await validateManifests(stdout, schemas);
  });
});

describe('the sidecar', () => {
  const pod = findPods(RECIPES[1]?.manifests ?? []).get('main-api');
  const [sidecar] = pod?.initContainers ?? [];

  it('is native: there before the application, which waits until it is ready, and there after it', () => {
    expect(sidecar).toMatchObject({ name: 'taskgate', restartPolicy: 'Always' });
    const command = sidecar?.startupProbe?.exec?.command ?? [];
    expect(command.slice(0, -2)).toEqual(TASKGATE_COMMAND);
    expect(parseCommand(command.slice(-2))).toEqual({
      kind: 'command',
      command: { name: 'healthcheck', options: { asks: 'grpc' } },
    });
  });

  it('shares its socket with the application by the group of the folder, and with nobody else', () => {
    const loaded = sidecar === undefined || pod === undefined ? undefined : loadConfigOf(sidecar, pod, RECIPES[1]?.manifests ?? [], {});
    if (loaded?.kind !== 'valid') throw new Error('no configuration');
    const { grpc, http } = loaded.config.listeners;
    expect(grpc).toMatchObject({ address: { kind: 'unix', path: '/run/taskgate/taskgate.sock' }, socketMode: 0o660 });
    expect(http.address.host).toBe('127.0.0.1');
    expect(pod?.securityContext?.['fsGroup']).toBe(65_532);
    const [application] = pod?.containers ?? [];
    expect(application?.securityContext?.['runAsUser']).not.toBe(sidecar?.securityContext?.['runAsUser']);
    for (const container of [sidecar, application]) {
      expect(container?.volumeMounts).toContainEqual({ name: 'taskgate-socket', mountPath: '/run/taskgate' });
    }
    expect(pod?.volumes?.find(({ name }) => name === 'taskgate-socket')).toMatchObject({ emptyDir: { medium: 'Memory' } });
  });
});

it.skipIf(kustomize === undefined)('the autoscaler is the only one that says how many replicas there are', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-overlay-'));
  try {
    const to = (name: string) => relative(directory, join(KUBERNETES, name));
    const paths = { resources: [to('base')], components: [to('hpa')] };
    await writeFile(join(directory, 'kustomization.yaml'), JSON.stringify(paths));
    const { stdout } = await promisify(execFile)(kustomize ?? '', ['build', '--load-restrictor=LoadRestrictionsNone', directory]);
    const rendered = parseManifests(stdout);
    expect(rendered.map(({ kind }) => kind)).toContain('HorizontalPodAutoscaler');
    expect(rendered.find(({ kind }) => kind === 'Deployment')?.spec).not.toHaveProperty('replicas');
    if (schemas !== undefined) await validateManifests(stdout, schemas);
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** The manifests of a folder, with its generated ConfigMaps, as kustomize would make them. */
async function loadRecipe(name: string): Promise<readonly Manifest[]> {
  const directory = join(KUBERNETES, name);
  const read = async (file: string) => readFile(join(directory, file), 'utf8');
  const { resources, configMapGenerator } = parse(await read('kustomization.yaml')) as {
    resources: readonly string[];
    configMapGenerator: readonly { readonly name: string; readonly files: readonly string[] }[];
  };
  const files = await readdir(directory);
  const used = [...resources, ...configMapGenerator.flatMap((generator) => generator.files), 'kustomization.yaml'];
  if (files.toSorted().join(' ') !== used.toSorted().join(' ')) throw new Error(`${name}: a file is not in kustomization.yaml`);
  const manifests = (await Promise.all(resources.map(read))).flatMap(parseManifests);
  const generated = configMapGenerator.map(async (generator) => {
    const data = await Promise.all(generator.files.map(async (file) => [file, await read(file)] as const));
    return { kind: 'ConfigMap', metadata: { name: generator.name }, data: Object.fromEntries(data) };
  });
  return [...manifests, ...(await Promise.all(generated))];
}
