/** One server's latencies, by load. */
export interface LatencySeries {
  readonly name: string;
  readonly color: string;
  readonly points: readonly LatencyPoint[];
}

export interface LatencyPoint {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const WIDTH = 860;
const HEIGHT = 480;
const PLOT = { left: 70, right: 640, top: 56, bottom: 420 };
const MIN_MS = 0.1;
const LEGEND_LEFT = 664;
const LEGEND_LINE = 22;

/** Latency against load: p50 and p99 of every series, the milliseconds on a logarithmic axis. */
export function renderLatencySvg(title: string, series: readonly LatencySeries[]): string {
  const points = series.flatMap((one) => one.points);
  const stepPerSecond = niceStep(Math.max(...points.map(({ perSecond }) => perSecond)));
  const maxPerSecond = Math.ceil(Math.max(...points.map(({ perSecond }) => perSecond)) / stepPerSecond) * stepPerSecond;
  const decades = Math.ceil(Math.log10(Math.max(...points.map(({ p99Ms }) => finite(p99Ms)), 10) / MIN_MS));
  const toX = (perSecond: number): number => PLOT.left + (perSecond / maxPerSecond) * (PLOT.right - PLOT.left);
  const toY = (ms: number): number => {
    const share = Math.log10(Math.max(finite(ms), MIN_MS) / MIN_MS) / decades;
    return PLOT.bottom - Math.min(share, 1) * (PLOT.bottom - PLOT.top);
  };
  const text = (x: number, y: number, content: string, attributes = ''): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeXml(content)}</text>`;
  const line = (x1: number, y1: number, x2: number, y2: number, attributes: string): string =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${attributes}/>`;

  const columns = Array.from({ length: maxPerSecond / stepPerSecond + 1 }, (_, step) => step * stepPerSecond);
  const rows = Array.from({ length: decades + 1 }, (_, decade) => MIN_MS * 10 ** decade);
  const grid = [
    ...columns.flatMap((perSecond) => [
      line(toX(perSecond), PLOT.top, toX(perSecond), PLOT.bottom, 'stroke="#e4e4e4"'),
      text(toX(perSecond), PLOT.bottom + 20, perSecond.toLocaleString('en'), 'text-anchor="middle"'),
    ]),
    ...rows.flatMap((ms) => [
      line(PLOT.left, toY(ms), PLOT.right, toY(ms), 'stroke="#e4e4e4"'),
      text(PLOT.left - 8, toY(ms) + 4, `${Number(ms.toPrecision(1))}`, 'text-anchor="end"'),
    ]),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 44, 'calls a second', 'text-anchor="middle"'),
    text(PLOT.left, PLOT.top - 12, 'ms'),
  ];
  const curves = series.flatMap(({ color, points: measured }) =>
    (['p50Ms', 'p99Ms'] as const).flatMap((percentile) => {
      const dash = percentile === 'p99Ms' ? ' stroke-dasharray="6 4"' : '';
      const at = measured.map((point) => [toX(point.perSecond), toY(point[percentile])] as const);
      const path = at.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
      return [
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"${dash}/>`,
        ...at.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${color}"/>`),
      ];
    }),
  );
  const legend = series.flatMap(({ name, color }, index) =>
    (['p50', 'p99'] as const).flatMap((percentile, position) => {
      const y = PLOT.top + 8 + (2 * index + position) * LEGEND_LINE;
      const dash = percentile === 'p99' ? ' stroke-dasharray="6 4"' : '';
      return [
        line(LEGEND_LEFT, y, LEGEND_LEFT + 28, y, `stroke="${color}" stroke-width="2"${dash}`),
        text(LEGEND_LEFT + 36, y + 4, `${name}, ${percentile}`),
      ];
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(PLOT.left, 24, title, 'font-size="15" font-weight="bold"'),
    ...grid,
    ...curves,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

/** About five steps to the maximum: 1, 2 or 5 times a power of ten. */
function niceStep(maximum: number): number {
  const rough = maximum / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
}

/** A call without an answer took forever: it is drawn at the top. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? ms : 10_000;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
