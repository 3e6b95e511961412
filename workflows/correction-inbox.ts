import type { CorrectionMessage } from '../src/temporal.ts';
import { readCorrection } from './message-shape.ts';

/** How one correction fared, as the activity that stores it says. */
export interface CorrectionOutcome {
  requestId: string;
  status: 'stored' | 'repeated' | 'unknown_request' | 'invalid';
}

type Source = 'signal' | 'update';

interface Waiting {
  corrections: CorrectionMessage[];
  source: Source;
  answer: CorrectionOutcome[] | undefined;
}

/** Corrections stored, those said before, and messages that were none. */
export interface InboxCounts {
  accepted: number;
  repeated: number;
  ignored: number;
}

const shownProblems = 10;
const batchSize = 500;
/** As UTF-8 and JSON these stay below the 2 MB that Temporal takes as an argument. */
const batchCharacters = 500_000;

/**
 * Corrections on their way from messages to the database. Handlers only queue here; the main loop stores, batch by
 * batch. What could not be stored is counted, and the last few reasons are kept for people to read; no text is.
 */
export class CorrectionInbox {
  accepted: number;
  repeated: number;
  ignored: number;
  problems: string[] = [];
  /** A message could not be read, and what it holds is in the history as typed; `noted` when the database knows. */
  unreadable: 'none' | 'some' | 'noted' = 'none';
  #waiting: Waiting[] = [];
  #gathers: boolean;

  /** `gathers` is false in runs of releases that stored each update alone. */
  constructor(counts: InboxCounts = { accepted: 0, repeated: 0, ignored: 0 }, { gathers }: { gathers: boolean }) {
    this.#gathers = gathers;
    this.accepted = counts.accepted;
    this.repeated = counts.repeated;
    this.ignored = counts.ignored;
  }

  counts(): InboxCounts {
    return { accepted: this.accepted, repeated: this.repeated, ignored: this.ignored };
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** One correction by signal. A message that is none is ignored and said so. */
  takeSignal(message: unknown): void {
    const correction = readCorrection(message);
    if (typeof correction === 'string') this.ignoreUnreadable(`correction: ${correction}`);
    else this.#waiting.push({ corrections: [correction], source: 'signal', answer: undefined });
  }

  /** A batch by update. `answer` is set when it is stored. */
  takeBatch(corrections: CorrectionMessage[]): { answer: CorrectionOutcome[] | undefined } {
    const waiting: Waiting = { corrections, source: 'update', answer: undefined };
    this.#waiting.push(waiting);
    return waiting;
  }

  /** A message that may hold text for a row, and cannot be told which. */
  ignoreUnreadable(problem: string): void {
    this.ignore(problem);
    if (this.unreadable === 'none') this.unreadable = 'some';
  }

  ignore(problem: string): void {
    this.ignored += 1;
    this.problems = [...this.problems, problem].slice(-shownProblems);
  }

  /**
   * What to store next: the messages at the front that came the same way, as many as one activity takes. Nothing is
   * forgotten until `settle`.
   */
  nextBatch(): { corrections: CorrectionMessage[]; source: Source; messages: number } | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const { source } = first;
    if (source === 'update' && !this.#gathers) return { corrections: first.corrections, source, messages: 1 };
    let messages = 0;
    let corrections = 0;
    let characters = 0;
    for (const waiting of this.#waiting) {
      corrections += waiting.corrections.length;
      characters += waiting.corrections.reduce((sum, { completion }) => sum + completion.length, 0);
      const fits = corrections <= batchSize && (characters <= batchCharacters || !this.#gathers);
      if (waiting.source !== source || (messages > 0 && !fits)) break;
      messages += 1;
    }
    const gathered = this.#waiting.slice(0, messages).flatMap((waiting) => waiting.corrections);
    return { corrections: gathered, source, messages };
  }

  /** Takes the outcomes of the batch that `nextBatch` gave, in its order. */
  settle(messages: number, outcomes: CorrectionOutcome[]): void {
    let place = 0;
    for (const waiting of this.#waiting.splice(0, messages)) {
      waiting.answer = outcomes.slice(place, (place += waiting.corrections.length));
    }
    for (const { requestId, status } of outcomes) {
      if (status === 'stored') this.accepted += 1;
      else if (status === 'repeated') this.repeated += 1;
      else this.ignore(`${requestId}: ${status === 'invalid' ? 'cannot be stored' : 'no such request'}`);
    }
  }
}
