import { parseAllDocuments } from 'yaml';
import type { LoadedConfig } from '../../src/config/load-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { ServeConfig } from '../../src/config/config.ts';

/*
 * As much of Kubernetes' objects as the tests look at. What they really are is the business of its own schemas.
 */

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: SecretSource }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly resources: { readonly limits?: { readonly memory?: string } };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface SecretSource {
  readonly secretKeyRef: { readonly name: string; readonly key: string };
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly exec?: { readonly command: readonly string[] };
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string; readonly items?: readonly Item[] };
  readonly secret?: { readonly secretName: string; readonly items?: readonly Item[] };
  readonly emptyDir?: object;
}

interface Item {
  readonly key: string;
  readonly path: string;
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
}

/** All documents of a file, or of what a renderer printed. @throws Error if one is no YAML. */
export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { merge: true })
    .map((document) => {
      if ('errors' in document && document.errors.length > 0) throw new Error(String(document.errors[0]));
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

/** The pods that the manifests make, by the name of what makes them. */
export function findPods(manifests: readonly Manifest[]): ReadonlyMap<string, PodSpec> {
  const pods = new Map<string, PodSpec>();
  for (const { kind, metadata, spec } of manifests) {
    const template = spec?.['jobTemplate'] as Pick<Manifest, 'spec'> | undefined;
    const job = (kind === 'CronJob' ? template?.spec : spec) as
      | { readonly template?: { readonly spec: PodSpec } }
      | undefined;
    const pod = job?.template?.spec;
    if (pod !== undefined) pods.set(metadata.name, pod);
  }
  return pods;
}

/** The containers of a pod, those that start first included. */
export function containersOf({ initContainers = [], containers }: PodSpec): readonly Container[] {
  return [...initContainers, ...containers];
}

/** What a pod does that the Pod Security Standard `restricted` forbids, or that a read-only tree has no need of. */
export function unrestricted(pod: PodSpec): readonly string[] {
  const problems: string[] = [];
  const podContext = pod.securityContext ?? {};
  if (podContext['runAsNonRoot'] !== true) problems.push('runAsNonRoot');
  if ((podContext['seccompProfile'] as { type?: string } | undefined)?.type !== 'RuntimeDefault') problems.push('seccomp');
  if (pod.automountServiceAccountToken !== false) problems.push('automountServiceAccountToken');
  if (pod.enableServiceLinks !== false) problems.push('enableServiceLinks');
  for (const { name, securityContext = {}, resources } of containersOf(pod)) {
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = securityContext;
    if (allowPrivilegeEscalation !== false) problems.push(`${name}: allowPrivilegeEscalation`);
    if (readOnlyRootFilesystem !== true) problems.push(`${name}: readOnlyRootFilesystem`);
    if (JSON.stringify(capabilities) !== '{"drop":["ALL"]}') problems.push(`${name}: capabilities`);
    if (resources.limits?.memory === undefined) problems.push(`${name}: no limit of memory`);
    if ((securityContext['runAsUser'] ?? podContext['runAsUser'] ?? 0) === 0) problems.push(`${name}: runAsUser`);
  }
  return problems;
}

/** What stands for the values of a Secret's keys. */
const SECRET_VALUES: Readonly<Record<string, string>> = {
  'spicedb-token': 'a-token',
  'database-url': 'postgres://taskgate@postgres/app',
  'reconcile-database-url': 'postgres://taskgate_reconcile@postgres/app',
  'redis-url': 'redis://redis:6379',
  'redis-signing-secret': 'a secret of the tests, which is long enough',
  'cursor-secret': 'another secret of the tests, long enough too',
};

/**
 * Loads the configuration as the container would: with its variables and the files that its volumes have at their paths.
 * `files`: what the keys of Secrets that are mounted hold.
 */
export function loadConfigOf(
  container: Container,
  pod: PodSpec,
  manifests: readonly Manifest[],
  files: Readonly<Record<string, string>>,
): LoadedConfig<ServeConfig> {
  const env = Object.fromEntries(
    (container.env ?? []).map(({ name, value, valueFrom }) => {
      const key = valueFrom?.secretKeyRef.key ?? '';
      return [name, valueFrom === undefined ? value : SECRET_VALUES[key]];
    }),
  );
  const mounted = new Map<string, string>();
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const volume = pod.volumes?.find((candidate) => candidate.name === name);
    if (volume === undefined) throw new Error(`there is no volume ${name}`);
    const all = volume.configMap === undefined ? (volume.secret === undefined ? {} : files) : findData(manifests, volume.configMap.name);
    const items = (volume.configMap ?? volume.secret)?.items ?? Object.keys(all).map((key) => ({ key, path: key }));
    for (const { key, path } of items) {
      const text = all[key];
      if (text === undefined) throw new Error(`${name} has no ${key}`);
      mounted.set(`${mountPath}/${path}`, text);
    }
  }
  return loadConfig(
    {
      env,
      readFile: (path) => {
        const text = mounted.get(path);
        if (text === undefined) throw Object.assign(new Error('not mounted'), { code: 'ENOENT' });
        return text;
      },
    },
    { mode: 'serve' },
  );
}

function findData(manifests: readonly Manifest[], name: string): Readonly<Record<string, string>> {
  const found = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  if (found?.data === undefined) throw new Error(`there is no ConfigMap ${name}`);
  return found.data;
}
