import type { Readable } from 'node:stream';
import type { Message } from '../chat.ts';
import type { Caller } from './caller.ts';

/** What a model said, and how sure it was. */
export interface Answer {
  text: string;
  /** Natural log of the answer's probability; null when the model gives none. */
  logprob: number | null;
}

/** A chat completion request as a client sent it. */
export interface ClientRequest {
  /** One JSON object, checked to be one. */
  json: string;
  /** The client asked for logprobs itself. */
  wantsLogprobs: boolean;
  wantsStream: boolean;
}

/** The answer of an endpoint: whole, or as a stream of events when it sends one. */
export interface EndpointReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: { json: string } | { events: Readable };
}

/** One loaded version of a model, ready to answer. */
export interface ServedModel {
  readonly version: string;
  /** Embedded models read the redacted prompt (invariant 12); an upstream reads what the user wrote. */
  readonly readsRedacted: boolean;
  /** Of those that do: the redactor they learned with. Left out: the configured one. */
  readonly redactorVersion?: string;
  /** Answers each conversation, in order. */
  answer(conversations: readonly (readonly Message[])[], signal?: AbortSignal): Promise<Answer[]>;
  /** Endpoints only: passes a client's request on, with nothing changed but the model's name and `logprobs`. */
  readonly pass?: (request: ClientRequest, caller: Caller) => Promise<EndpointReply>;
  /** Frees the model. Callers make sure no answer is under way. */
  close(): Promise<void>;
}
