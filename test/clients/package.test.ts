import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, run } from './toolchains.ts';

const FOLDER = join(ROOT, 'clients/typescript');
const README = await readFile(join(FOLDER, 'README.md'), 'utf8');
const EXAMPLES = Array.from(README.matchAll(/```ts\n(?<code>[\s\S]*?)```/g), ({ groups }) => groups?.['code'] ?? '');
const TSC_OPTIONS = {
  extends: join(ROOT, 'tsconfig.json'),
  compilerOptions: { types: ['node'], allowImportingTsExtensions: false, verbatimModuleSyntax: false },
  include: ['*.ts'],
};

describe('the package, as an application installs it', () => {
  /** Below the root, so that the package finds its dependencies there. */
  let application: string;
  beforeAll(async () => {
    await mkdir(join(ROOT, '.cache'), { recursive: true });
    application = await mkdtemp(join(ROOT, '.cache/client-package-'));
    const installed = join(application, 'node_modules/@taskgate/client');
    await mkdir(installed, { recursive: true });
    await writeFile(join(application, 'package.json'), '{ "type": "module" }');
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', application, FOLDER]);
    const archive = join(application, packed.trim().split('\n').at(-1) ?? '');
    await run('tar', ['--extract', '--file', archive, '--strip-components=1', '--directory', installed]);
  });
  afterAll(async () => rm(application, { recursive: true }));

  it('has everything that it exports', async () => {
    const manifest = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8')) as { readonly exports: object };
    const names = Object.keys(manifest.exports).map((path) => path.replace('.', '@taskgate/client'));
    expect(names).toHaveLength(6);
    const script = `${names.map((name, index) => `import * as m${index} from '${name}';`).join('')}
      console.log(JSON.stringify([${names.map((_, index) => `Object.keys(m${index})`).join(',')}].flat()));`;
    await writeFile(join(application, 'imports.js'), script);
    const exported: unknown = JSON.parse(await run(process.execPath, ['imports.js'], { cwd: application }));
    expect(exported).toEqual(
      expect.arrayContaining([
        'createTaskgateClient',
        'requireTask',
        'assertHidesIds',
        'CouldNotTellError',
        'Operation',
      ]),
    );
  });

  it('fits the examples of its README', async () => {
    expect(EXAMPLES).toHaveLength(4);
    await writeFile(join(application, 'tsconfig.json'), JSON.stringify(TSC_OPTIONS));
    await Promise.all(EXAMPLES.map(async (code, index) => writeFile(join(application, `example-${index}.ts`), code)));
    await run(join(ROOT, 'node_modules/.bin/tsc'), ['--noEmit', '-p', application]);
  });
});
