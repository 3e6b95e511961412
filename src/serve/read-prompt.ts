import type { Message } from '../chat.ts';
import { redactMessage } from '../log/redact-message.ts';
import type { ChainOptions } from '../log/redact/chain.ts';
import { redactorOfVersion, redactRow, type Redactor } from '../log/redact/index.ts';
import type { ServedModel } from './model.ts';

/** A prompt on its way to the log. */
export interface LoggedPrompt {
  messages: readonly Message[];
  /** As the log keeps it; or else it is redacted when the row is made. */
  redacted: boolean;
  /** Redacts what is left: prompt and answer of a row share their numbers. */
  redactRest: Redactor['redact'];
}

/** A prompt as an embedded model reads it, and on its way to the log; null: it cannot be redacted as configured. */
export interface ReadPrompt {
  messages: readonly Message[];
  logged: LoggedPrompt | null;
}

/**
 * Redacts prompts for models that read redacted text (invariant 12). A model that learned with the configured redactor
 * reads what the log keeps, redacted once. A model of another redactor reads as it learned, and the log is redacted as
 * configured. Without a second redactor the answer is there at once; with one it costs its time, and when it does not
 * answer the model reads what the first one made of the prompt.
 */
export function createPromptReader(redactor: Redactor, chain: ChainOptions | undefined) {
  const others = new Map<string, Redactor>();

  /** Undefined: the configured one. */
  function otherRedactorOf({ redactorVersion: version }: ServedModel): Redactor | undefined {
    if (version === undefined || version === redactor.version) return undefined;
    let other = others.get(version);
    if (other === undefined) others.set(version, (other = redactorOfVersion(version, chain) ?? redactor));
    return other.version === redactor.version ? undefined : other;
  }

  return (served: ServedModel, messages: readonly Message[]): ReadPrompt | Promise<ReadPrompt> => {
    const other = otherRedactorOf(served);
    if (other !== undefined) return readByOther(other, redactor, messages);
    if (redactor.chain !== undefined) return readChained(redactor, messages);
    const logged = redactPrompt(redactor, messages);
    return { messages: logged?.messages ?? messages, logged };
  };
}

/** Null when it cannot be redacted. */
function redactPrompt(redactor: Redactor, messages: readonly Message[]): LoggedPrompt | null {
  try {
    const redactRest = redactor.startRow();
    const redacted = messages.map((message) => redactMessage(message, (text) => redactRest(text).text));
    return { messages: redacted, redacted: true, redactRest };
  } catch {
    return null; // the error may quote the text
  }
}

async function readChained({ startRow, ...redactor }: Redactor, messages: readonly Message[]): Promise<ReadPrompt> {
  const redactRest = startRow();
  const row = { ...redactor, startRow: () => redactRest };
  try {
    const redacted = await redactRow(row, (redact) => messages.map((message) => redactMessage(message, redact)), {
      turn: 'urgent',
    });
    return { messages: redacted, logged: { messages: redacted, redacted: true, redactRest } };
  } catch {
    return { messages: redactPrompt(row, messages)?.messages ?? messages, logged: null };
  }
}

async function readByOther(other: Redactor, own: Redactor, messages: readonly Message[]): Promise<ReadPrompt> {
  const read = other.chain === undefined ? redactPrompt(other, messages) : await readChained(other, messages);
  const logged =
    own.chain === undefined ? redactPrompt(own, messages) : { messages, redacted: false, redactRest: own.startRow() };
  return { messages: read?.messages ?? messages, logged };
}
