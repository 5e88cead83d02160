import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf';
import type { ExplainDecisionResponse } from '../gen/taskgate/admin/v1/admin_pb.js';
import {
  AdminService,
  ExplainDecisionRequestSchema,
  ExplainDecisionResponseSchema,
  Verdict_Outcome as Outcome,
} from '../gen/taskgate/admin/v1/admin_pb.js';
import { toTaskgateError } from '../domain/errors.ts';
import { fromQuestion } from '../rpc/convert-question.ts';
import type { CommandDeps, TextSink } from './config.ts';
import { explainDirectly } from './explain-directly.ts';
import { ExplainFault } from './explain-fault.ts';
import type { ExplainOptions } from './explain-options.ts';
import { renderExplanation, toPlainText } from './render-explanation.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

export interface ExplainCommandDeps extends CommandDeps {
  readonly stdout: TextSink & { readonly isTTY?: boolean };
}

const PATH = `/${AdminService.typeName}/${AdminService.method.explainDecision.name}`;
const DEFAULT_ADMIN = '127.0.0.1:9090';
const TIMEOUT_MS = 10_000;
/** 0: allowed. 1: not. 2: it could not be told. */
const EXIT_CODE_OF: Readonly<Partial<Record<Outcome, ExitCode>>> = {
  [Outcome.ALLOWED]: 0,
  [Outcome.NOT_FOUND]: 1,
  [Outcome.FORBIDDEN]: 1,
};
const COULD_NOT_TELL = EXIT_CODES.misused;

/** Says why a decision is what it is: asks a server's admin listener, or the configured stores. */
export async function runExplain(deps: ExplainCommandDeps, options: ExplainOptions): Promise<ExitCode> {
  const { stdout, stderr } = deps;
  let explanation: ExplainDecisionResponse;
  try {
    explanation =
      options.via.kind === 'direct'
        ? await explainDirectly(deps, options.subject)
        : await askServer(deps, options.subject, options.via);
  } catch (error) {
    const message = error instanceof ExplainFault ? error.message : toTaskgateError(error).message;
    stderr.write(`taskgate: ${message.split('\n').map(toPlainText).join('\n').trimEnd()}\n`);
    return COULD_NOT_TELL;
  }
  const isColored = stdout.isTTY === true && (deps.env['NO_COLOR'] ?? '') === '';
  stdout.write(
    options.asJson
      ? `${toJsonString(ExplainDecisionResponseSchema, explanation, { prettySpaces: 2 })}\n`
      : renderExplanation(explanation, { isColored }),
  );
  return EXIT_CODE_OF[explanation.verdict?.outcome ?? Outcome.UNSPECIFIED] ?? COULD_NOT_TELL;
}

async function askServer(
  deps: ExplainCommandDeps,
  subject: ExplainOptions['subject'],
  { url, tokenFile }: Extract<ExplainOptions['via'], { kind: 'server' }>,
): Promise<ExplainDecisionResponse> {
  const base = url ?? `http://${deps.env['TASKGATE_ADMIN_ADDRESS'] ?? DEFAULT_ADMIN}`;
  if (!/^https?:\/\//.test(base) || !URL.canParse(base)) throw new ExplainFault('--admin must be an http(s) URL');
  const target = new URL(PATH, base);
  const token = tokenFile === undefined ? deps.env['TASKGATE_ADMIN_TOKEN'] : readToken(deps, tokenFile);
  const request = create(ExplainDecisionRequestSchema, {
    subject:
      subject.kind === 'question'
        ? { case: 'question', value: fromQuestion(subject.principal, subject.check) }
        : { case: 'decision', value: { decisionId: subject.decisionId, index: subject.index } },
  });
  let status: number;
  let text: string;
  try {
    const response = await fetch(target, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
      body: toJsonString(ExplainDecisionRequestSchema, request),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = response.status;
    text = await response.text();
  } catch (error) {
    // Not what fetch says: it may hold the header.
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    throw new ExplainFault(
      `${target.host} ${isLate ? 'did not answer in time' : 'can not be reached (--admin URL says where the admin listener is)'}`,
    );
  }
  if (status !== 200) throw new ExplainFault(toProblem(status, text, subject));
  try {
    return fromJsonString(ExplainDecisionResponseSchema, text, { ignoreUnknownFields: true });
  } catch {
    throw new ExplainFault(`${target.host} does not answer as a taskgate does`);
  }
}

function toProblem(status: number, text: string, subject: ExplainOptions['subject']): string {
  if (status === 404 && subject.kind === 'recorded' && text.includes('"not_found"')) {
    return `the decision ${subject.decisionId} is not in this replica's memory (decisions.recent; where there are many, not all are kept)`;
  }
  try {
    const body: unknown = JSON.parse(text);
    const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined;
    if (typeof message === 'string') return message;
  } catch {
    // Not from taskgate.
  }
  return `the server answered ${status}`;
}

function readToken({ readFile }: Pick<CommandDeps, 'readFile'>, path: string): string {
  try {
    return readFile(path).trim();
  } catch {
    throw new ExplainFault(`--token-file ${path} can not be read`);
  }
}
