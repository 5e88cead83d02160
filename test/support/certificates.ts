import { generate } from 'selfsigned';

/** A certificate and its key, in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface IdentityOptions {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
  readonly validUntil?: Date;
}

type AltName = { readonly type: 2 | 6; readonly value: string } | { readonly type: 7; readonly ip: string };

const DAY_MS = 86_400_000;
const KEYS = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** An authority that signs certificates of servers and clients. */
export class TestAuthority {
  readonly #identity: Identity;

  private constructor(identity: Identity) {
    this.#identity = identity;
  }

  static async create(name = 'test authority'): Promise<TestAuthority> {
    const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
      ...KEYS,
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new TestAuthority({ cert, key });
  }

  /** What who trusts it needs. */
  get cert(): string {
    return this.#identity.cert;
  }

  async issue({ uris = [], dnsNames = [], ips = [], validUntil }: IdentityOptions): Promise<Identity> {
    const altNames: AltName[] = [
      ...uris.map((value) => ({ type: 6, value }) as const),
      ...dnsNames.map((value) => ({ type: 2, value }) as const),
      ...ips.map((ip) => ({ type: 7, ip }) as const),
    ];
    const notAfterDate = validUntil ?? new Date(Date.now() + DAY_MS);
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'a test' }], {
      ...KEYS,
      ca: this.#identity,
      notBeforeDate: new Date(notAfterDate.getTime() - 2 * DAY_MS),
      notAfterDate,
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName', altNames } as const]),
      ],
    });
    return { cert, key };
  }

  async issueServer(): Promise<Identity> {
    return this.issue({ dnsNames: ['localhost'], ips: ['127.0.0.1'] });
  }
}
