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
  add-account NAME   let the principals of an account create in it (writes its tenant gate to SpiceDB)
  config [--demo]    print the effective configuration of serve (or demo) as YAML, secrets masked

Options:
  -h, --help         print this
  --version          print the version

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
`;
