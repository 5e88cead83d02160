import { exchangeHttp1 } from './raw-exchange.ts';

/** The value of one series that `/metrics` shows, such as `name{label="x"}`; 0 if it is not there. */
export async function readMetric(admin: string, series: string): Promise<number> {
  const { body } = await exchangeHttp1(`http://${admin}/metrics`, { method: 'GET' });
  const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}
