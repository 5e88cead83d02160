/** Where OTLP is sent, over HTTP in JSON. */
export interface OtlpOptions {
  /** Without `/v1/…`. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for one request. */
  readonly timeoutMs: number;
  /** `service.name` of all that is sent. */
  readonly serviceName: string;
}

export type OtlpSignal = 'traces' | 'metrics' | 'logs';

/** Sends one request of OTLP/HTTP (opentelemetry-proto 1.x, JSON encoding). */
export interface OtlpClient {
  /** @throws Error if it was not taken. No text of the other side is in it. */
  send(signal: OtlpSignal, message: unknown): Promise<void>;
  /** What everything that is sent is about. */
  readonly resource: { readonly attributes: readonly OtlpAttribute[] };
}

export interface OtlpAttribute {
  readonly key: string;
  readonly value: OtlpValue;
}

type OtlpValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly OtlpValue[] } };

/** @param fetchNow default: Node's own. */
export function createOtlpClient(options: OtlpOptions, fetchNow: typeof fetch = fetch): OtlpClient {
  const url = new URL(options.endpoint);
  const headers: Record<string, string> = { 'content-type': 'application/json', ...options.headers };
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] ??= `Basic ${Buffer.from(credentials).toString('base64')}`;
    // fetch takes no URL with credentials in it.
    url.username = '';
    url.password = '';
  }
  const base = url.pathname.replace(/\/+$/, '');
  return {
    resource: { attributes: toOtlpAttributes({ 'service.name': options.serviceName }) },
    async send(signal, message) {
      const target = new URL(url);
      target.pathname = `${base}/v1/${signal}`;
      const response = await fetchNow(target, {
        method: 'POST',
        headers,
        body: JSON.stringify(message),
        redirect: 'error',
        signal: AbortSignal.timeout(options.timeoutMs),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the OTLP endpoint answered ${response.status}`);
    },
  };
}

/** What is undefined is left out. */
export function toOtlpAttributes(values: Readonly<Record<string, unknown>>): readonly OtlpAttribute[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const converted = toValue(value);
    return converted === undefined ? [] : [{ key, value: converted }];
  });
}

function toValue(value: unknown): OtlpValue | undefined {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  return Array.isArray(value) ? { arrayValue: { values: value.flatMap((item) => toValue(item) ?? []) } } : undefined;
}

/** Nanoseconds since the epoch, as OTLP's JSON has them. */
export function toUnixNano(ms: number): string {
  return `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;
}
