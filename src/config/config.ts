import type { CallerPermission } from '../domain/caller.ts';
import type { Consistency } from '../domain/consistency.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal } from '../domain/principal.ts';
import type { Registration } from '../domain/registration.ts';
import type { RowValues } from '../domain/row-values.ts';
import type { TypeModel } from '../domain/type-model.ts';
import type { Route } from '../routes/route.ts';
import type { ListenerAddress, TcpAddress } from './address.ts';
import type { AgentexConfig, PrincipalsConfig } from './principals-config.ts';
import type { RolloutConfig } from './rollout-config.ts';

/** `serve` runs with real stores; `demo` with embedded ones, and needs no addresses of any. */
export type ConfigMode = 'serve' | 'demo';

/**
 * The effective configuration: checked, with every default filled in. Where a value has a range or a default, the
 * comment names both; the keys in YAML are the same words in snake_case (`deploy/taskgate.yaml` shows all of them).
 */
export interface Config {
  readonly listeners: ListenersConfig;
  readonly authentication: AuthenticationConfig;
  readonly principals: PrincipalsConfig;
  /** Absent: the door for AgentEx is not there. */
  readonly agentex?: AgentexConfig;
  readonly spicedb: SpicedbConfig;
  readonly decisions: DecisionsConfig;
  readonly database: DatabaseConfig;
  readonly breakers: BreakersConfig;
  /** Absent: no Redis layer between memory and the database. */
  readonly redis?: RedisConfig;
  readonly parents: ParentsConfig;
  readonly limits: LimitsConfig;
  readonly lists: ListsConfig;
  readonly shutdown: ShutdownConfig;
  readonly denials: DenialsConfig;
  /** The weakest consistency for each operation: all are there. Default: delete, cancel and share fully consistent. */
  readonly consistency: ReadonlyMap<Operation, Consistency>;
  readonly log: LogConfig;
  /** What gateways ask about. */
  readonly gateway: GatewayConfig;
  readonly authzen: AuthzenConfig;
  /** Whose answers are enforced. */
  readonly rollout: RolloutConfig;
  readonly telemetry: TelemetryConfig;
  /** What each operation on each type asks. Default: DESIGN.md §2. */
  readonly types: TypeModel;
  /** Where parents and names are looked up. A registered type without a table has none. */
  readonly sources: readonly TypeSource[];
  /** What registering writes, for each registered type. */
  readonly registrations: readonly Registration[];
}

/** What `serve` gets: the stores that `demo` embeds have an address. */
export interface ServeConfig extends Config {
  readonly spicedb: SpicedbConfig & { readonly endpoint: string; readonly token: string };
  readonly database: DatabaseConfig & { readonly url: string };
}

/** Where calls and probes come in. No two share an address. */
export interface ListenersConfig {
  readonly grpc: {
    /** Loopback or a unix socket, unless callers are authenticated and `tls` is set. Default `127.0.0.1:50051`. */
    readonly address: ListenerAddress;
    /** Permissions of the socket file, if `address` is one: none for others. Default 0o660. */
    readonly socketMode: number;
    /** Default none: plain text. Not with a unix socket. */
    readonly tls?: ListenerTlsConfig;
  };
  /** The same without a unix socket. Default `127.0.0.1:8080`. */
  readonly http: { readonly address: TcpAddress; readonly tls?: ListenerTlsConfig };
  /** Probes and metrics; may be bound elsewhere. Default `127.0.0.1:9090`. */
  readonly admin: { readonly address: TcpAddress };
}

/** PEM files of a TLS listener (1.2 or later), read again when they change. */
export interface ListenerTlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authority of client certificates, without one of which nobody connects. Default none: nobody is asked for one. */
  readonly clientCaFile?: string;
}

/** How gateways ask that make a request of their own about each request: `/forward-auth` on the HTTP listener. */
export interface ForwardAuthConfig {
  /** `x-forwarded-method` and `-uri`, or `x-original-method` and `-uri`. Default `forwarded`. */
  readonly requestHeaders: 'forwarded' | 'original';
  /** 403 for nginx, which passes no other denial on. Default 404. */
  readonly deniedStatus: 403 | 404;
}

/** Who may ask. With tokens or certificates, every caller must prove who it is; without, whoever is on loopback may ask. */
export interface AuthenticationConfig {
  /** A YAML list of `{name, sha256, permissions}`, read again when it changes. Default none. */
  readonly tokensFile?: string;
  /** Callers with client certificates: at least one of `spiffeId` and `dnsName` each. Default none. */
  readonly callers: readonly {
    readonly name: string;
    readonly spiffeId?: string;
    readonly dnsName?: string;
    readonly permissions: readonly CallerPermission[];
  }[];
  /** Whoever comes through the unix socket without a token. Default `socket`, which may check, filter and write. */
  readonly socketCaller: { readonly name: string; readonly permissions: readonly CallerPermission[] };
  /** Milliseconds between two looks at the files of tokens and certificates, 100–3,600,000; default 5,000. */
  readonly reloadIntervalMs: number;
}

/** The relationship engine. */
export interface SpicedbConfig {
  /** `host:port` or `[ipv6]:port`. */
  readonly endpoint?: string;
  /** The preshared key: visible ASCII. */
  readonly token?: string;
  readonly tls: {
    /** Default false. */
    readonly enabled: boolean;
    /** PEM file of the authority to trust, in place of the system's. Only with `enabled`. */
    readonly caFile?: string;
  };
  /** Milliseconds for one call, 1–60,000; default 1,000. More than the database's, less than the default deadline. */
  readonly timeoutMs: number;
  /** How many stand-ins for absent resources are registered for each type, 2–1,024; default 128. */
  readonly sentinels: number;
  /**
   * Milliseconds without a word from Watch after which SpiceDB is asked whether it is there, 1–60,000; default 500. No
   * answer within as long again: changes count as missed. 0 never asks; default for demo.
   */
  readonly watchSilenceMs: number;
  /**
   * Retries for each call, 0–1; default 0.1. What bounds how much retries add while SpiceDB fails; one a second is
   * allowed besides. 0: no call is made again.
   */
  readonly retryRatio: number;
}

/** Decisions that are kept while SpiceDB's Watch tells every change. */
export interface DecisionsConfig {
  /** False: every check asks SpiceDB; the decisions are the same. Default true. */
  readonly cache: boolean;
  /** Answers kept in memory, 1–10,000,000; default 50,000. */
  readonly maxEntries: number;
  /**
   * Milliseconds after which an answer is asked again, 1,000–600,000; default 5,000. What bounds staleness if Watch has
   * stopped and SpiceDB still answers.
   */
  readonly ttlMs: number;
  /**
   * Milliseconds for which checks see at least the last change, 1,000–600,000; default 11,000. More than a snapshot of
   * minimise-latency can be behind: 5.5 s on Postgres, about 10.3 s on CockroachDB.
   */
  readonly floorTtlMs: number;
  /** Decisions that operators can look at (`taskgate explain`, the console), 0–10,000; default 1,000. */
  readonly recent: number;
}

/** The application's Postgres, which parents are read from. */
export interface DatabaseConfig {
  /** `postgres://` or `postgresql://`, may hold a password. */
  readonly url?: string;
  /** Connections, 1–1,000; default 10. */
  readonly poolSize: number;
  /** Milliseconds to get a connection, 1–60,000; default 400. At most `timeoutMs`. */
  readonly connectTimeoutMs: number;
  /** Milliseconds for one lookup, connecting included, 1–60,000; default 500. More than Redis's, less than SpiceDB's. */
  readonly timeoutMs: number;
  /** Queries that may wait for a connection, 0–10,000; default 100. One more is refused at once as overloaded. */
  readonly maxQueue: number;
}

/**
 * When calls to a store that fails are refused, each store on its own. After a wait, one call at a time finds out whether
 * it is back.
 */
export interface BreakersConfig {
  /** The share of failed calls at which it opens, 0.01–1; default 0.5. */
  readonly failureRatio: number;
  /** Calls before their share means anything, 1–10,000; default 10. As many failures in a row open it at any rate. */
  readonly minCalls: number;
  /** Milliseconds for which a call counts, 100–600,000; default 5,000. */
  readonly windowMs: number;
  /** Milliseconds for which it is open at first, 10–60,000; default 500. Varied by up to a half; doubled by each failed probe. */
  readonly openMs: number;
  /** The most milliseconds for which it is open, 10–600,000; default 2,000. At least `openMs`. */
  readonly maxOpenMs: number;
}

/** How to reach Redis, and how its entries are signed. */
export type RedisConfig = RedisCommonConfig &
  (
    | { readonly mode: 'single'; /** `redis://` or `rediss://`, may hold a password. */ readonly url: string }
    | {
        readonly mode: 'sentinel';
        readonly sentinels: readonly TcpAddress[];
        /** The name that the sentinels know the master by. */
        readonly masterName: string;
      }
    | { readonly mode: 'cluster'; readonly nodes: readonly TcpAddress[] }
  );

/** What every kind of Redis deployment has. */
export interface RedisCommonConfig {
  readonly username?: string;
  readonly password?: string;
  /** Default false; true if the URL starts with `rediss://`. */
  readonly tls: boolean;
  /** Milliseconds for one call, 1–10,000; default 25. Less than the database's. */
  readonly timeoutMs: number;
  /** What every key starts with, 1–64 of `A-Za-z0-9_.:-`; default `taskgate`. */
  readonly keyPrefix: string;
  /** The first signs, all verify. Ids are unique. */
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]];
}

/** A key that entries in Redis are signed with, so that whoever can write Redis can't re-parent a child. */
export interface SigningKey {
  /** 1–32 of `a-z0-9_-`; `env` is the one from TASKGATE_REDIS_SIGNING_SECRET. */
  readonly id: string;
  /** At least 32 characters. */
  readonly secret: string;
}

/** The caches of parent edges. */
export interface ParentsConfig {
  /** Entries kept in memory, 1–10,000,000; default 50,000. */
  readonly memoryMaxEntries: number;
  /** Milliseconds that a found parent is kept, 1,000–86,400,000; default 3,600,000. */
  readonly foundTtlMs: number;
  /** Milliseconds that an absence is kept, 1–60,000; default 5,000. */
  readonly absentTtlMs: number;
  /** Milliseconds that a name's id is kept, 1–60,000 (a name can be given to another resource); default 5,000. */
  readonly nameTtlMs: number;
  /** The share that each time to live is varied by, 0–0.5; default 0.1. */
  readonly jitter: number;
}

/** Bounds on what callers ask. */
export interface LimitsConfig {
  /** Milliseconds for a call that names no deadline, 1–600,000; default 2,000. */
  readonly defaultTimeoutMs: number;
  /** Milliseconds that a longer deadline is clamped to, 1–600,000; default 10,000. */
  readonly maxTimeoutMs: number;
  /** Bytes of one request, 1,024–67,108,864; default 4,194,304. */
  readonly maxMessageBytes: number;
  /** Checks in one batch, 1–1,000; default 1,000. */
  readonly maxBatchSize: number;
  /** Calls at once on each listener, 1–65,536; default 1,024. */
  readonly maxConcurrentCalls: number;
  /** Calls that wait, within their deadline, for one of those to end; one more is refused at once. 0–65,536; default 1,024. */
  readonly maxQueuedCalls: number;
  /** Calls (streams) that one gRPC connection may have open, 1–65,536; default 256. */
  readonly maxCallsPerConnection: number;
  /** Connections of each listener, 1–65,536; default 2,048. One more is closed at once. */
  readonly maxConnections: number;
  /** Bytes of the headers (metadata) of one call, 1,024–262,144; default 16,384. */
  readonly maxHeaderBytes: number;
  /**
   * Bytes of large or slow requests that each listener holds until they are answered, 1,024–1,073,741,824; default
   * 8,388,608. At least `maxMessageBytes`. Over it, the request that holds the most is ended.
   */
  readonly maxReceivingBytes: number;
  /** Milliseconds within which a request must have come whole, 100–600,000; default 10,000. */
  readonly requestTimeoutMs: number;
  /** Milliseconds after which a gRPC connection without a call is closed, 1,000–86,400,000; default 300,000. */
  readonly idleTimeoutMs: number;
  /** Milliseconds that a stream may take, and that a longer deadline of one is clamped to, 1–3,600,000; default 300,000. */
  readonly maxStreamTimeoutMs: number;
  /** Milliseconds that a reader of a stream may take nothing, or a connection over HTTP/1.1 have no request, 1,000–3,600,000; default 60,000. */
  readonly stallTimeoutMs: number;
}

/** Lists of what is readable. */
export interface ListsConfig {
  /**
   * At least 32 characters each: the first signs cursors, all verify. Default none: a secret of the process's own, so
   * that a cursor is good on this replica until it ends.
   */
  readonly cursorSecrets: readonly string[];
  /** Principals that read every task: their list is `unscoped`. Default none. */
  readonly unscoped: readonly Principal[];
}

/** From SIGTERM to exit. */
export interface ShutdownConfig {
  /** Milliseconds between "not ready" and refusing calls, 0–300,000; default 1,000 for serve and 0 for demo. */
  readonly drainDelayMs: number;
  /** Milliseconds that calls in flight get to finish, 0–600,000; default 10,000. */
  readonly graceMs: number;
}

/** What a denial tells. */
export interface DenialsConfig {
  /** Answer FORBIDDEN where the principal can read what it may not change. Default false: NOT_FOUND. */
  readonly revealReadable: boolean;
  /** Milliseconds over which a principal's answers "not found" are counted, 1,000–3,600,000; default 60,000. */
  readonly hiddenWindowMs: number;
  /** So many in one window make it a suspect of trying ids: a metric and a warning. 1–1,000,000; default 100. */
  readonly hiddenSuspectAt: number;
  /** So many in one window and nothing more is decided for it until the window has moved on; default: no limit. */
  readonly hiddenLimit?: number;
}

/** What gateways ask about: requests of the application's clients. */
export interface GatewayConfig extends GatewayRoutesConfig {
  readonly identityHeaders: IdentityHeadersConfig;
  readonly extAuthz: ExtAuthzConfig;
  /** Default none: no such door. */
  readonly forwardAuth?: ForwardAuthConfig;
}

/**
 * The headers by which the application learns on whose behalf a request is made that was allowed. A gateway always sets or
 * removes all of them. Lower case; no two are the same.
 */
export interface IdentityHeadersConfig {
  /** Default `x-taskgate-principal-kind`. */
  readonly principalKind: string;
  /** Default `x-taskgate-principal-id`. */
  readonly principalId: string;
  /** Default `x-taskgate-account-id`. */
  readonly accountId: string;
  /** Default `x-taskgate-task-id`. */
  readonly taskId: string;
}

/** Envoy's ext_authz, on the gRPC listener. */
export interface ExtAuthzConfig {
  /** Serve it, if there are routes. Default true. */
  readonly enabled: boolean;
  /** Envoy has `with_request_body`: what comes without a body has none. Default false: it is not known. */
  readonly sendsBodies: boolean;
  /** The filter in whose metadata Envoy has the claims that it verified. Default `envoy.filters.http.jwt_authn`. */
  readonly metadataFilter: string;
  /** The claims' key in that metadata, the filter's `payload_in_metadata`. Default `jwt_payload`. */
  readonly claimsKey: string;
  /** Say the decision id in `dynamic_metadata` of every answer too, as `decision_id`, for access logs. Default false. */
  readonly decisionIdInMetadata: boolean;
}

/** The log on standard output. */
export interface LogConfig {
  /** Default `info`. */
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  /** `auto` (default) is pretty on a terminal and JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty';
}

/** Which requests there are, and what each is about. */
export interface GatewayRoutesConfig {
  /** The file that the table is from. Default none. */
  readonly routesFile?: string;
  /** What every path begins with, without a slash at its end. Default ''. */
  readonly basePath: string;
  /** The route table, checked. Default empty: every request is denied. */
  readonly routes: readonly Route[];
}

/** The AuthZEN API, and what its names are here. A name that is not mapped is itself. */
export interface AuthzenConfig {
  /** Default true: on the HTTP listener, for callers with the permissions `check` and `filter`. */
  readonly enabled: boolean;
  /** The base URL that the metadata tells: https, as clients reach it. Default none, and no metadata. */
  readonly policyDecisionPoint?: string;
  /** The property of a subject that holds its account. Default `account`. */
  readonly accountProperty: string;
  /** The account of a subject without that property. Default none: of the types in `types` it is required. */
  readonly defaultAccount?: string;
  /** AuthZEN type of subject or resource → type of `types`, or SpiceDB definition. Default none. */
  readonly types: ReadonlyMap<string, string>;
  /** AuthZEN action → operation of a type in `types`, or SpiceDB permission. Default none; `GET` is `get` without. */
  readonly actions: ReadonlyMap<string, string>;
  /** Names that an action search tries, beside the operations of a type in `types`. Default none. */
  readonly searchedActions: readonly string[];
  /** Results of one page of a search, 1–10,000; default 1,000. */
  readonly maxPageSize: number;
}

/** What is told of what happens, beside the log and `/metrics`. */
export interface TelemetryConfig {
  /** What others know this service by; default `taskgate`. */
  readonly serviceName: string;
  /** Where OTLP is sent, over HTTP in JSON. Needed by what is to be sent there. Default none. */
  readonly otlp?: OtlpConfig;
  readonly metrics: {
    /** True: metrics are sent too, not only shown. Default false. */
    readonly otlp: boolean;
    /** Milliseconds between two sendings, 1,000–3,600,000; default 60,000. */
    readonly intervalMs: number;
  };
  readonly traces: {
    /** Default false. */
    readonly enabled: boolean;
    /** The share of calls without a trace of their caller's that are traced, 0–1; default 0.01. */
    readonly sampleRatio: number;
    /** True (default): a call whose caller traces it is traced, and one whose caller does not is not. */
    readonly followParent: boolean;
  };
  readonly decisionLog: DecisionLogConfig;
}

export interface OtlpConfig {
  /** `http://` or `https://`, without `/v1/…`; may hold a password. */
  readonly endpoint: string;
  /** Sent with each request; their values are secrets. Default none. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for one request, 100–60,000; default 5,000. */
  readonly timeoutMs: number;
}

/** One line for each decision. */
export interface DecisionLogConfig {
  /** Default `off`. */
  readonly sink: 'off' | 'stdout' | 'file' | 'otlp';
  /** With `file`: which one; it is appended to. */
  readonly path?: string;
  /** Bytes at which a file is put aside, 1,024–1,099,511,627,776; default 104,857,600. */
  readonly maxFileBytes: number;
  /** Files that are kept, the one that is written included, 2–1,000; default 5. */
  readonly maxFiles: number;
  /** Bytes of lines that wait for the sink, 1,024–67,108,864; default 1,048,576. What comes on top is dropped and counted. */
  readonly bufferBytes: number;
  /** The share of each that is written, 0–1; default 1. */
  readonly sample: {
    readonly allowed: number;
    readonly notFound: number;
    readonly forbidden: number;
    /** Of lists and filters. */
    readonly listed: number;
    readonly error: number;
  };
  /** Fields that are left out, or replaced by a keyed hash. Default none. */
  readonly mask: readonly { readonly field: MaskedField; readonly how: 'omit' | 'hash' }[];
  /** At least 32 characters: the key of `hash`. */
  readonly hashKey?: string;
}

export type MaskedField = 'caller' | 'principal.id' | 'principal.account' | 'resource.id' | 'resource.name';

/** Where the parents of a type's resources, and the ids of its names, are looked up. */
export type TypeSource =
  | {
      readonly kind: 'postgres';
      readonly type: string;
      /** `table` or `schema.table`, as in the catalogue: not quoted yet. */
      readonly table: string;
      readonly id: string;
      /** The column with the unique name. */
      readonly name?: string;
      /** Parent type → column with the parent's id. Empty for a registered type. */
      readonly parents: Readonly<Record<string, string>>;
      /** What `reconcile` and `backfill` register a row with. Default: none, and they register no row of the type. */
      readonly rows?: RowValues;
    }
  /** The id of the resource is the id of its parent. */
  | { readonly kind: 'same_id'; readonly type: string; readonly parentType: string };
