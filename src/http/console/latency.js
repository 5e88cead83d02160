import { call } from './api.js';
import { h, svg } from './dom.js';

const INTERVAL_MS = 2_000;
const WIDTH = 640;
const HEIGHT = 170;
const FOOT = 38;
const PERCENTILES = [0.5, 0.95, 0.99];

/** How long calls took, since the start or since the view was opened. */
export function showLatency({ place, say, fail, signal }) {
  const plots = h('div', { class: 'columns' });
  const since = h(
    'select',
    { name: 'since' },
    h('option', { value: 'start' }, 'since the start'),
    h('option', { value: 'now' }, 'since now'),
  );
  place.append(
    h('div', { class: 'card' }, h('h2', {}, 'Latency'), h('label', { class: 'inline' }, 'Calls', since)),
    plots,
  );
  let base = new Map();
  let last = [];
  let timer;
  const draw = () => {
    const series = last.map((each) => {
      const from = base.get(nameOf(each)) ?? [];
      return { ...each, counts: (each.counts ?? []).map((count, index) => Number(count) - (from[index] ?? 0)) };
    });
    const busy = series.filter(({ counts }) => sum(counts) > 0);
    plots.replaceChildren(...(busy.length === 0 ? [h('p', { class: 'hint' }, 'No calls yet.')] : busy.map(plot)));
  };
  const poll = async () => {
    try {
      const { latencies = [], now } = await call('GetState', {});
      if (signal.aborted) return;
      last = latencies;
      draw();
      say(`as of ${new Date(now).toLocaleTimeString()}`);
    } catch (error) {
      fail(error);
    }
    if (!signal.aborted) timer = setTimeout(poll, INTERVAL_MS);
  };
  since.addEventListener('change', () => {
    base =
      since.value === 'start'
        ? new Map()
        : new Map(last.map((each) => [nameOf(each), (each.counts ?? []).map(Number)]));
    draw();
  });
  signal.addEventListener('abort', () => clearTimeout(timer));
  void poll();
}

function nameOf({ method, transport }) {
  return `${method} over ${transport}`;
}

function sum(counts) {
  return counts.reduce((total, count) => total + count, 0);
}

function plot(series) {
  const { counts, upperBoundsMs = [] } = series;
  const total = sum(counts);
  const most = Math.max(...counts);
  const step = WIDTH / counts.length;
  const bars = counts.map((count, index) => {
    const height = count === 0 ? 0 : Math.max(2, (count / most) * (HEIGHT - FOOT - 18));
    const bound = upperBoundsMs[index];
    const label = bound === undefined ? 'more' : `≤ ${formatMs(bound)}`;
    return svg(
      'g',
      {},
      svg('title', {}, `${label} ms: ${count} calls`),
      svg('rect', { class: 'bar', x: index * step + 3, y: HEIGHT - FOOT - height, width: step - 6, height }),
      svg(
        'text',
        { class: 'sub', x: index * step + step / 2, y: HEIGHT - FOOT + 16, 'text-anchor': 'middle' },
        bound === undefined ? 'more' : formatMs(bound),
      ),
    );
  });
  const figures = PERCENTILES.map((share) => [`p${share * 100}`, percentile(counts, upperBoundsMs, share)]);
  return h(
    'section',
    { class: 'card', 'aria-label': nameOf(series) },
    h('h3', {}, `${nameOf(series)}: ${total} calls`),
    svg(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        width: '100%',
        role: 'img',
        'aria-label': figures.map(([name, value]) => `${name} ${value}`).join(', '),
      },
      svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT }),
      ...bars,
      svg('text', { class: 'sub', x: WIDTH / 2, y: HEIGHT - 4, 'text-anchor': 'middle' }, 'up to … milliseconds'),
    ),
    h(
      'dl',
      {},
      figures.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
    ),
  );
}

/** The bucket that the percentile is in: more is not known. */
function percentile(counts, bounds, share) {
  const rank = sum(counts) * share;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    seen += count;
    if (seen >= rank)
      return bounds[index] === undefined
        ? `over ${formatMs(bounds.at(-1) ?? 0)} ms`
        : `at most ${formatMs(bounds[index])} ms`;
  }
  return 'not known';
}

function formatMs(milliseconds) {
  return String(Number(milliseconds.toPrecision(3)));
}
