import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { CHECK_TASK_PATH } from '../../bench/support/check-request.ts';
import { openRepeatedCall } from '../../bench/support/repeated-call.ts';
import { CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { frameGrpcMessage } from '../support/raw-http.ts';

export type CheckRequest = MessageInitShape<typeof CheckTaskRequestSchema>;

/** A kept connection on which one call is made at a time. */
export interface TimedCall extends Disposable {
  /** What is sent, made beforehand: nothing but sending and receiving is in the time. All must be of one length. */
  encode(request: CheckRequest): Buffer;
  /** Microseconds from sending to the last byte of the answer; undefined if that is an error. */
  time(encoded: Buffer): Promise<number | undefined>;
}

/** @param example any request, of the length of all of them. */
export type OpenTimedCall = (target: string, example: CheckRequest) => Promise<TimedCall>;

const MICROSECONDS = 1_000;
const LAST_CHUNK = '0\r\n\r\n';

export const openGrpcCall: OpenTimedCall = async (target, example) => {
  const encode = (request: CheckRequest): Buffer =>
    frameGrpcMessage(toBinary(CheckTaskRequestSchema, create(CheckTaskRequestSchema, request)));
  let ended: (answer: { readonly microseconds: number; readonly isAnswered: boolean }) => void = () => undefined;
  const call = await openRepeatedCall({
    target,
    path: CHECK_TASK_PATH,
    body: encode(example),
    onEnd: (sentAtMs, isAnswered) => ended({ microseconds: (performance.now() - sentAtMs) * MICROSECONDS, isAnswered }),
  });
  return {
    encode,
    async time(encoded) {
      const { promise, resolve } = Promise.withResolvers<Parameters<typeof ended>[0]>();
      ended = resolve;
      call.send(performance.now(), encoded);
      const { microseconds, isAnswered } = await promise;
      return isAnswered ? microseconds : undefined;
    },
    [Symbol.dispose]: () => call[Symbol.dispose](),
  };
};

/** HTTP/1.1 by hand, as far as Connect JSON on a kept connection needs it. */
export const openConnectCall: OpenTimedCall = async (target) => {
  const { hostname, port, host } = new URL(`http://${target}`);
  let received = '';
  let sentAtMs = 0;
  let answered = Promise.withResolvers<{ readonly microseconds: number; readonly text: string }>();
  const openSocket = async (): Promise<Socket> => {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(opened, 'connect');
    opened.setEncoding('latin1');
    opened.on('error', () => undefined);
    opened.on('data', (text: string) => {
      received += text;
      if (!isWhole(received)) return;
      answered.resolve({ microseconds: (performance.now() - sentAtMs) * MICROSECONDS, text: received });
      received = '';
    });
    opened.on('close', () => {
      if (opened === socket) answered.resolve({ microseconds: 0, text: received });
    });
    return opened;
  };
  let socket = await openSocket();
  return {
    encode(request) {
      const body = toJsonString(CheckTaskRequestSchema, create(CheckTaskRequestSchema, request));
      const headers = [`host: ${host}`, 'content-type: application/json', `content-length: ${Buffer.byteLength(body)}`];
      return Buffer.from(`POST ${CHECK_TASK_PATH} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
    },
    async time(encoded) {
      // An idle connection is closed after some seconds.
      if (socket.readyState !== 'open') socket = await openSocket();
      received = '';
      answered = Promise.withResolvers();
      sentAtMs = performance.now();
      socket.write(encoded);
      const { microseconds, text } = await answered.promise;
      return text.startsWith('HTTP/1.1 200 ') ? microseconds : undefined;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
};

function isWhole(text: string): boolean {
  const bodyAt = text.indexOf('\r\n\r\n') + 4;
  if (bodyAt < 4) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, bodyAt))?.[1];
  return length === undefined ? text.endsWith(LAST_CHUNK) : text.length - bodyAt >= Number(length);
}
