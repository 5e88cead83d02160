import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The oldest with native sidecars, and the newest that there are schemas of. */
const VERSIONS = ['1.29', '1.37'];

/** Checks manifests strictly against the schemas of Kubernetes. @throws Error naming what is wrong. */
export async function validateManifests(manifests: string, schemas: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-manifests-'));
  try {
    const file = join(directory, 'manifests.yaml');
    await writeFile(file, manifests);
    for (const version of VERSIONS) {
      const args = ['-m', 'kubernetes_validate', '--strict', '--quiet', '-k', version, file];
      await promisify(execFile)('python3', args, { env: { ...process.env, PYTHONPATH: schemas } });
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}
