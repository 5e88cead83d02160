import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transport } from '../authorize/ports.ts';
import type { CallerCredentials, Peer } from '../authorize/ports-callers.ts';
import type { IncomingCall } from '../calls/pipeline.ts';

interface HttpCallInfo {
  readonly transport: Transport;
  readonly decisionId: string;
  readonly timeoutMs: number | undefined;
  readonly peer: Peer;
  /** In lower case. */
  readonly callerTokenHeader: string;
}

/** A call of a door: one object for all that the pipeline may want to know of it, which mostly is little. */
export class HttpCall implements IncomingCall, CallerCredentials {
  readonly transport: Transport;
  readonly decisionId: string;
  readonly timeoutMs: number | undefined;
  readonly peer: Peer;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly #callerTokenHeader: string;

  constructor(request: IncomingMessage, response: ServerResponse, info: HttpCallInfo) {
    this.transport = info.transport;
    this.decisionId = info.decisionId;
    this.timeoutMs = info.timeoutMs;
    this.peer = info.peer;
    this.request = request;
    this.response = response;
    this.#callerTokenHeader = info.callerTokenHeader;
  }

  get credentials(): CallerCredentials {
    return this;
  }

  authorization(): string | undefined {
    return this.header(this.#callerTokenHeader);
  }

  /** One that may come once: two together are none that is valid, where Node would take the first. */
  header(name: string): string | undefined {
    return this.request.headersDistinct[name]?.join(', ');
  }

  onCancel(listener: () => void): void {
    const { response } = this;
    if (response.closed) listener();
    else {
      response.once('close', () => {
        if (!response.writableFinished) listener();
      });
    }
  }
}
