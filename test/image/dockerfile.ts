import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions after a FROM, up to the next. */
export interface Stage {
  readonly image: string;
  /** What other stages copy from it by. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Parses the stages. Heredocs and ARG are not known. */
export function parseDockerfile(text: string): readonly Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`not an instruction: ${line}`);
    if (name === 'FROM') {
      const [image = '', , alias] = rest.split(/\s+/);
      stages.push({ image, name: alias, instructions: [] });
    } else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

/** What a JSON array says, as of ENTRYPOINT, CMD and the command of a HEALTHCHECK. */
export function execForm({ instructions }: Stage, name: string): readonly string[] {
  const text = instructions.find((instruction) => instruction.name === name)?.text ?? '';
  return JSON.parse(text.slice(text.indexOf('['))) as readonly string[];
}

/**
 * Does what COPY and RUN of every stage say, each stage in a folder of its own below `into`, and returns the folder of the
 * last one. What a RUN names must be relative, since nothing here changes the root.
 *
 * @throws Error if a stage uses something else that changes files.
 */
export async function layStages(
  stages: readonly Stage[],
  { context, into }: { readonly context: string; readonly into: string },
): Promise<string> {
  const roots = new Map<string, string>();
  let root = into;
  for (const [index, stage] of stages.entries()) {
    root = join(into, stage.name ?? `stage-${index}`);
    roots.set(stage.name ?? String(index), root);
    await mkdir(root, { recursive: true });
    let directory = '/';
    for (const { name, text } of stage.instructions) {
      if (name === 'WORKDIR') {
        directory = text;
        await mkdir(join(root, directory), { recursive: true });
      } else if (name === 'COPY') await copy(text, { context, roots, directory: join(root, directory) });
      else if (name === 'RUN') {
        await promisify(execFile)('sh', ['-c', text], { cwd: join(root, directory), maxBuffer: MAX_OUTPUT_BYTES });
      } else if (name === 'ADD' || name === 'VOLUME') throw new Error(`${name} is not known here`);
    }
  }
  return root;
}

interface CopyPlaces {
  readonly context: string;
  readonly roots: ReadonlyMap<string, string>;
  readonly directory: string;
}

/** One file or folder to a path, or several into a folder: as Docker does. */
async function copy(text: string, { context, roots, directory }: CopyPlaces): Promise<void> {
  const words = text.split(/\s+/);
  const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
  const base = from === undefined ? context : roots.get(from);
  if (base === undefined) throw new Error(`there is no stage ${from}`);
  const target = words.pop() ?? '';
  for (const source of words) {
    const isInto = target.endsWith('/');
    await cp(join(base, source), join(directory, target, isInto ? basename(source) : ''), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}
