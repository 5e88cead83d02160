/** What `deploy/taskgate.yaml` says about the settings, in its comments. */
export interface Meanings {
  /** By section (`limits`): the lines above it. */
  readonly sections: ReadonlyMap<string, string>;
  /** By key path, without the bounds that the schema knows. */
  readonly settings: ReadonlyMap<string, string>;
}

/** A key, live or behind a `#`: its indentation, whether it begins a list's element, its name and what follows. */
const KEY = /^(?<indent> *)(?:#(?<behind> *))?(?<dash>- )?(?<key>[a-z_]+):(?<rest>(?: .*)?)$/;
const COMMENT = /^(?<indent> *)# ?(?<text>.*)$/;
/** `1..1000;` and the like. */
const BOUNDS = /^\d+(?:\.\d+)?\.\.\d+(?:\.\d+)?[;:,]? ?/;

/** Reads the comments of the file with every setting. */
export function readMeanings(yaml: string): Meanings {
  const sections = new Map<string, string>();
  const settings = new Map<string, string>();
  const open: { readonly indent: number; readonly path: string }[] = [];
  let above: string[] = [];
  for (const line of yaml.split('\n')) {
    const isProse = line.startsWith('# ');
    const found = isProse ? undefined : KEY.exec(line)?.groups;
    if (found === undefined) {
      const text = COMMENT.exec(line)?.groups?.['text'];
      if (text === undefined) above = [];
      else above.push(text);
      continue;
    }
    const { indent = '', behind = '', dash = '', key = '', rest = '' } = found;
    const column = indent.length + Math.max(0, behind.length - 1) + dash.length;
    while ((open.at(-1)?.indent ?? -1) >= column) open.pop();
    const parent = open.at(-1)?.path;
    const path = parent === undefined ? key : `${parent}${dash === '' || parent.endsWith('[]') ? '' : '[]'}.${key}`;
    open.push({ indent: column, path });
    if (dash !== '') open.splice(-1, 1, { indent: column - 1, path: `${parent}[]` }, { indent: column, path });
    const beside = / # (?<text>.*)$/.exec(rest)?.groups?.['text'] ?? '';
    const words = [...(column === 0 ? [] : above), beside.replace(BOUNDS, '')].filter((text) => text !== '').join(' ');
    if (column === 0) sections.set(path, above.join('\n'));
    if (words !== '' && !settings.has(path)) settings.set(path, words);
    above = [];
  }
  return { sections, settings };
}
