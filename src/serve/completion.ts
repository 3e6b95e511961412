import { z } from 'zod';
import { messageSchema, type Message } from '../chat.ts';

/** What an endpoint answered: its first choice. */
export interface Completion {
  message: Message;
  /** Sum over the tokens, natural log; null when the endpoint gave none. */
  logprob: number | null;
  /** Cut off by a disconnect, or too long to be kept whole. */
  cutOff: boolean;
}

/** Tokens are many: they are checked one by one below, without an object each. */
const tokens = z.array(z.unknown()).nullish();
const logprobs = z.object({ content: tokens, refusal: tokens }).nullish().catch(null);

const completionSchema = z.object({
  choices: z
    .array(z.object({ message: messageSchema.extend({ role: z.string().default('assistant') }), logprobs }))
    .min(1),
});

/** Reads a chat completion; undefined when it is none. */
export function readCompletion(json: string): Completion | undefined {
  const choice = completionSchema.safeParse(parseOrUndefined(json)).data?.choices[0];
  if (choice === undefined) return undefined;
  return { message: choice.message, logprob: sumLogprobs(choice.logprobs), cutOff: false };
}

function sumLogprobs(given: z.output<typeof logprobs>): number | null {
  let sum: number | null = null;
  for (const list of [given?.content, given?.refusal]) {
    for (const token of list ?? []) {
      const hasLogprob = typeof token === 'object' && token !== null && 'logprob' in token;
      if (hasLogprob && typeof token.logprob === 'number') sum = (sum ?? 0) + token.logprob;
    }
  }
  return sum;
}

function parseOrUndefined(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const calledFunction = z.object({ name: z.string().nullish(), arguments: z.string().nullish() });
const chunkSchema = z.object({
  choices: z.array(
    z.object({
      index: z.number().default(0),
      delta: z
        .object({
          role: z.string().nullish(),
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          function_call: calledFunction.nullish(),
          tool_calls: z
            .array(
              z.object({ index: z.number().default(0), id: z.string().nullish(), function: calledFunction.nullish() }),
            )
            .nullish(),
        })
        .nullish(),
      logprobs,
      finish_reason: z.string().nullish(),
    }),
  ),
});

/** Text kept of one streamed answer, in characters. */
const longestKept = 2 ** 20;

/** Gathers the chunks of a streamed answer, its first choice only, in bounded memory. */
export class Deltas {
  /** True when the endpoint said that the answer is complete. */
  finished = false;
  /** True when nothing more comes: `[DONE]` was there. */
  over = false;
  /** True when a chunk said anything. */
  began = false;
  #role = 'assistant';
  #content: string | null = null;
  #refusal: string | null = null;
  #function: { name: string; arguments: string } | undefined;
  #tools = new Map<number, { id: string; type: 'function'; function: { name: string; arguments: string } }>();
  #logprob: number | null = null;
  #length = 0;

  add(chunk: unknown): void {
    for (const choice of chunkSchema.safeParse(chunk).data?.choices ?? []) {
      if (choice.index !== 0) continue;
      if (choice.finish_reason != null) this.finished = true;
      const { delta } = choice;
      this.#role = delta?.role ?? this.#role;
      if (typeof delta?.content === 'string') this.#content = (this.#content ?? '') + this.#take(delta.content);
      if (typeof delta?.refusal === 'string') this.#refusal = (this.#refusal ?? '') + this.#take(delta.refusal);
      if (delta?.function_call) this.#call((this.#function ??= { name: '', arguments: '' }), delta.function_call);
      for (const call of delta?.tool_calls ?? []) this.#addTool(call.index, call.id, call.function);
      const more = sumLogprobs(choice.logprobs);
      if (more !== null) this.#logprob = (this.#logprob ?? 0) + more;
    }
  }

  #addTool(
    index: number,
    id: string | null | undefined,
    called: z.output<typeof calledFunction> | null | undefined,
  ): void {
    let tool = this.#tools.get(index);
    if (tool === undefined) {
      if (this.#take('{"id":"","type":""}') === '') return; // each call takes memory, even without a text
      tool = { id: '', type: 'function', function: { name: '', arguments: '' } };
      this.#tools.set(index, tool);
    }
    if (id != null) tool.id = this.#take(id);
    if (called != null) this.#call(tool.function, called);
  }

  #call(into: { name: string; arguments: string }, more: z.output<typeof calledFunction>): void {
    into.name += this.#take(more.name ?? '');
    into.arguments += this.#take(more.arguments ?? '');
  }

  /** As much of a text as there is room for. */
  #take(text: string): string {
    const taken = text.slice(0, Math.max(0, longestKept - this.#length));
    this.#length += text.length;
    if (text !== '') this.began = true;
    return taken;
  }

  /** An answer that is cut off has no logprob: a part of the sum would pass for more confidence than there was. */
  completion(): Completion {
    const cutOff = !this.finished || this.#length > longestKept;
    return {
      message: {
        role: this.#role,
        content: this.#content,
        refusal: this.#refusal,
        tool_calls: this.#tools.size === 0 ? null : [...this.#tools.values()],
        function_call: this.#function,
      },
      logprob: cutOff ? null : this.#logprob,
      cutOff,
    };
  }
}
