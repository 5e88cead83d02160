/** What a run of a command ended with: `main.ts` makes it the process's exit code. */
export const EXIT_CODES = {
  ok: 0,
  /** Something failed while running. */
  failed: 1,
  /** The command line or the configuration is wrong: running it again changes nothing. */
  misused: 2,
} as const;

/** One of `EXIT_CODES`. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** What `--help` prints. */
export const USAGE = `taskgate: may this principal do this operation on this resource? Denied and absent are one answer.

Usage: taskgate <command>

Commands:
  serve              answer with real stores
  demo               answer with embedded stores and sample data: needs nothing else
  healthcheck        ask the taskgate of the same configuration whether it is ready
  schema check|apply [FILE]
                     compare a SpiceDB schema with SpiceDB's, or write it; without FILE, the one that comes with taskgate
  add-account NAME   let the principals of an account create in it (writes its tenant gate to SpiceDB)
  explain            say why: explain user:alice read message:m1 --account acme; or --decision-id ID
  reconcile          find relationships without a row and rows without relationships; --apply removes and registers
  backfill           find rows without relationships, for first adoption; --apply registers
  hash-token         print the entry of a caller's bearer token, read from standard input, for authentication.tokens_file
  config [--demo]    print the effective configuration of serve (or demo) as YAML, secrets masked

Options:
  -h, --help         print this
  --version          print the version

Options of healthcheck (the admin listener's /readyz without any):
  --live             ask /livez: whether it runs, whatever its stores do
  --grpc             ask the health service of the gRPC listener, on its unix socket or in plain text
Options of hash-token:
  --generate         make a token (256 bits) instead, and print it on standard error
  --name NAME        of the caller                                    (caller)
  --permissions P,P  check, filter, write, admin                      (check,filter,write)
Options of explain (PRINCIPAL is user:ID, service_account:ID or agent:ID; RESOURCE is TYPE:ID):
  --account ACCOUNT  that the principal acts in
  --by-name          RESOURCE is TYPE:NAME
  --parent TYPE:ID   of a RESOURCE that is to be created below it (TYPE:*)
  --create-if-absent check create if the name is free
  --fully-consistent ask for the latest relationships
  --decision-id ID   replay a recent decision of the server, at the revision that it was made at
  --index N          which of a batch's decisions                     (0)
  --admin URL        the server's admin listener                      (http://TASKGATE_ADMIN_ADDRESS)
  --token-file FILE  with a token that has the permission admin       (TASKGATE_ADMIN_TOKEN)
  --direct           ask the configured stores, not a server
  --json             print taskgate.admin.v1.ExplainDecisionResponse
Options of reconcile and backfill:
  --apply            act; without it nothing is changed
  --type TYPE        only this registered type; may be repeated
  --state FILE       go on where a run was stopped, and know how many rows there were last time
  --report FILE      write the JSON report there                      (standard output)
  --metrics FILE     write Prometheus text there, for node-exporter's textfile collector
  --rate N           reconcile: read N rows a second at most          (no limit)
                     backfill: register N rows a second at most       (500)
  --timeout SECONDS  for one read of a table or of SpiceDB            (30)
Options of reconcile:
  --grace SECONDS    between finding an orphan and confirming it      (60)
  --max-prune N|P%   prune nothing of a type that has more orphans than N, or than P % of its resources (but 10);
                     given twice, both hold                           (1000 and 5%)
  --min-rows P%      prune nothing of a type that has fewer than P % of the rows of last time, or none; 0%: do  (50%)

Environment (each wins over YAML; an empty one counts as not set):
  TASKGATE_CONFIG                 YAML file with all other settings   (none; see deploy/taskgate.yaml)
  TASKGATE_GRPC_ADDRESS           host:port or unix:/path             (127.0.0.1:50051)
  TASKGATE_HTTP_ADDRESS           host:port                           (127.0.0.1:8080)
  TASKGATE_ADMIN_ADDRESS          host:port                           (127.0.0.1:9090)
  TASKGATE_SPICEDB_ENDPOINT       host:port                           (required to serve)
  TASKGATE_SPICEDB_TOKEN          preshared key                       (required to serve)
  TASKGATE_DATABASE_URL           postgres://user@host/database       (required to serve)
  TASKGATE_REDIS_URL              redis://host:6379                   (none: no Redis layer)
  TASKGATE_REDIS_SIGNING_SECRET   32 characters or more               (required with Redis, here or in YAML)

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration.
Of healthcheck: 0 yes, 1 no or no answer in time. Of schema check: 0 the same, 1 different, or could not tell.
Of explain: 0 allowed, 1 not allowed, 2 could not tell.
Of reconcile and backfill: 0 clean or all repaired, 1 differences are left, 2 could not tell (also: stopped, not pruned).
`;
