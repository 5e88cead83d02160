import { formatPrincipal, formatResource, svg } from './dom.js';

const WIDTH = 210;
const HEIGHT = 52;
const GAP_X = 90;
const GAP_Y = 16;
const MARGIN = 14;
const MAX_GRANTS = 12;
const MAX_TEXT = 24;

/** principal → grants → object → resource, with the way that decided in colour. The tree beside it says the same. */
export function drawGraph({ question, object = {}, parents = [], checks = [], verdict = {} }) {
  const grants = leaves(checks[0]?.trace).slice(0, MAX_GRANTS);
  const rows = Math.max(1, grants.length);
  const height = MARGIN * 2 + rows * HEIGHT + (rows - 1) * GAP_Y;
  const middle = height / 2;
  const columnX = (column) => MARGIN + column * (WIDTH + GAP_X);
  const isAbsent = object.kind === 'KIND_ABSENT' || object.kind === 'KIND_UNKNOWN';
  const result = checks[0]?.result === 'PERMISSIONSHIP_HELD' ? 'held' : 'denied';
  const lookedUp = parents.length > 0;
  const used = parents.find(({ used: isUsed }) => isUsed);

  const principal = node(
    columnX(0),
    middle,
    formatPrincipal(question),
    `of ${question.principal?.accountId ?? ''}`,
    '',
  );
  const target = node(
    columnX(2),
    middle,
    isAbsent ? `no ${object.type}` : `${object.type}:${object.id ?? ''}`,
    isAbsent
      ? object.kind === 'KIND_ABSENT'
        ? 'absent'
        : 'could not be told'
      : `${checks[0]?.permission ?? ''}: ${result}`,
    isAbsent ? 'on denied' : `on ${result}`,
  );
  const drawn = [];
  const edges = [];
  grants.forEach((grant, index) => {
    const y =
      MARGIN + HEIGHT / 2 + index * (HEIGHT + GAP_Y) + (height - MARGIN * 2 - (rows * HEIGHT + (rows - 1) * GAP_Y)) / 2;
    const isHeld = grant.result === 'PERMISSIONSHIP_HELD';
    const on = grant.decides ? `on ${isHeld ? 'held' : 'denied'}` : '';
    const why = grant.caveat === undefined ? '' : `, ${grant.caveat.name} is ${grant.caveat.result}`;
    drawn.push(
      node(
        columnX(1),
        y,
        `${grant.objectType}:${grant.objectId ?? ''}#${grant.name}`,
        `${isHeld ? 'held' : 'not held'}${why}`,
        on,
      ),
    );
    edges.push(
      edge(columnX(0) + WIDTH, middle, columnX(1), y, on),
      edge(columnX(1) + WIDTH, y, columnX(2), middle, on),
    );
  });
  if (grants.length === 0)
    edges.push(edge(columnX(0) + WIDTH, middle, columnX(2), middle, isAbsent ? '' : `on ${result}`));
  if (lookedUp) {
    const on = used === undefined ? '' : isAbsent ? 'on denied' : 'on parent';
    drawn.push(
      node(
        columnX(3),
        middle,
        formatResource(question),
        used === undefined ? 'parent not known' : isAbsent ? `absent in ${used.layer}` : `parent from ${used.layer}`,
        on,
      ),
    );
    edges.push(edge(columnX(2) + WIDTH, middle, columnX(3), middle, on));
  }
  const width = columnX(lookedUp ? 3 : 2) + WIDTH + MARGIN;
  return svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': verdict.why ?? 'the decision as a graph',
    },
    ...edges,
    principal,
    ...drawn,
    target,
  );
}

/** The relations at the ends of a trace, those that decided first. */
function leaves(trace) {
  if (trace === undefined) return [];
  const found = [];
  const walk = (step) => {
    if ((step.children ?? []).length === 0) found.push(step);
    else step.children.forEach(walk);
  };
  walk(trace);
  return found.toSorted((a, b) => Number(b.decides ?? false) - Number(a.decides ?? false));
}

function node(x, y, title, sub, classes) {
  return svg(
    'g',
    {},
    svg('title', {}, `${title} (${sub})`),
    svg('rect', { class: `node ${classes}`, x, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT, rx: 8 }),
    svg('text', { x: x + 12, y: y - 4 }, shorten(title)),
    svg('text', { class: 'sub', x: x + 12, y: y + 14 }, shorten(sub, MAX_TEXT + 9)),
  );
}

function edge(x1, y1, x2, y2, classes) {
  const bend = (x2 - x1) / 2;
  return svg('path', {
    class: `edge ${classes}`,
    d: `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 - bend} ${y2}, ${x2} ${y2}`,
  });
}

function shorten(text, length = MAX_TEXT) {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
