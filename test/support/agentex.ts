import { hashToken } from '../../src/callers/token-callers.ts';
import type { Exchange } from './raw-exchange.ts';
import { exchangeHttp1 } from './raw-exchange.ts';

export const AGENTEX_SECRET = 'a secret of the tests, for principals';

/** The API key of each principal of the sample data. */
export const API_KEYS = {
  alice: 'the-api-key-of-alice',
  bob: 'the-api-key-of-bob',
  carol: 'the-api-key-of-carol',
  dave: 'the-api-key-of-dave',
  mallory: 'the-api-key-of-mallory',
  bot: 'the-api-key-of-bot-an-agent',
} as const;

export type Somebody = keyof typeof API_KEYS;

/** A file of API keys. Mallory is of globex, the others are of acme. */
export function toApiKeysFile(): string {
  return JSON.stringify(
    Object.entries(API_KEYS).map(([name, key]) => ({
      name,
      sha256: hashToken(key),
      principal: {
        [name === 'bot' ? 'agent_id' : 'user_id']: name,
        account_id: name === 'mallory' ? 'globex' : 'acme',
      },
    })),
  );
}

/** The calls that AgentEx makes, as it makes them. */
export function createAgentexClient(address: string) {
  const principals = new Map<Somebody, unknown>();
  const authn = async (headers: Readonly<Record<string, string | string[]>>): Promise<Exchange> =>
    exchangeHttp1(`http://${address}/v1/authn`, { headers });
  const post = async (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Exchange> =>
    exchangeHttp1(`http://${address}/v1/authz/${path}`, {
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
  const principalOf = async (who: Somebody): Promise<unknown> => {
    if (!principals.has(who)) {
      const { status, body } = await authn({ 'x-api-key': API_KEYS[who] });
      if (status !== 200) throw new Error(`authn answered ${status}`);
      principals.set(who, JSON.parse(body));
    }
    return principals.get(who);
  };
  return {
    authn,
    post,
    principalOf,
    async check(who: Somebody, operation: string, type: string, selector: string): Promise<Exchange> {
      return post('check', { principal: await principalOf(who), resource: { type, selector }, operation });
    },
    async ask(who: Somebody, path: string, rest: Readonly<Record<string, unknown>>): Promise<Exchange> {
      return post(path, { principal: await principalOf(who), ...rest });
    },
  };
}
