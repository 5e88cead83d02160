import type { DescMethodUnary, MessageInitShape, MessageShape, DescMessage } from '@bufbuild/protobuf';
import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf';
import type { OutgoingHttpHeaders } from 'node:http';
import { exchangeHttp1 } from './raw-exchange.ts';

/** What an admin RPC answered. */
export type AdminAnswer<O> =
  | { readonly status: 200; readonly message: O; readonly body: string }
  | { readonly status: number; readonly message: undefined; readonly body: string };

/** Calls an admin RPC as a console or curl does: JSON over HTTP/1.1. */
export async function callAdmin<I extends DescMessage, O extends DescMessage>(
  admin: string,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  headers: OutgoingHttpHeaders = {},
): Promise<AdminAnswer<MessageShape<O>>> {
  const { status, body } = await exchangeHttp1(`http://${admin}/${method.parent.typeName}/${method.name}`, {
    headers: { 'content-type': 'application/json', ...headers },
    body: toJsonString(method.input, create(method.input, request)),
  });
  if (status !== 200) return { status, message: undefined, body };
  return { status, message: fromJsonString(method.output, body), body };
}
