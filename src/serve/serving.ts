import { RelearnError } from '../errors.ts';
import type { ServedModel } from './model.ts';

/** What the rows of a loaded version say of it: one object for all of them. */
export interface ServedFacts {
  readonly model: string;
  readonly version: string;
  /** Rows whose logprob is below this (natural log) are low-confidence. */
  readonly lowConfidenceBelow: number;
  /** Share of healthy rows kept for good. */
  readonly healthyRate: number;
}

/** A loaded version that can take requests. */
export interface Serving extends ServedFacts {
  readonly facts: ServedFacts;
  /** The open incident whose rows are still collected, or null. */
  readonly incident: string | null;
  /** When the version became champion, or was loaded by name. */
  readonly since: Date;
  /** Runs `work` on the loaded model, which stays loaded until `work` has ended. */
  use<Result>(work: (served: ServedModel) => Promise<Result>): Promise<Result>;
}

/** What holds a loaded model and decides when it goes. */
export interface Loaded {
  readonly serving: Serving;
  setIncident(incident: string | null): void;
  /** A version that stays loaded may become champion again. */
  setSince(since: Date): void;
  /** Takes no new work and resolves when the last answer has ended and the model is freed. */
  retire(): Promise<void>;
}

/** Wraps a loaded model with a count of the answers under way, so that a switch never pulls it from under one. */
export function holdModel(
  served: ServedModel,
  facts: Pick<Serving, 'model' | 'lowConfidenceBelow' | 'healthyRate' | 'since'>,
): Loaded {
  const { model, lowConfidenceBelow, healthyRate } = facts;
  let underWay = 0;
  let incident: string | null = null;
  let { since } = facts;
  let whenIdle: (() => void) | undefined;
  let retired: Promise<void> | undefined;

  return {
    serving: {
      ...facts,
      get since() {
        return since;
      },
      version: served.version,
      facts: { model, version: served.version, lowConfidenceBelow, healthyRate },
      get incident() {
        return incident;
      },
      async use(work) {
        if (retired !== undefined) {
          throw new RelearnError(
            'model_not_ready',
            `Version ${served.version} of ${facts.model} was just replaced. Ask again.`,
          );
        }
        underWay += 1;
        try {
          return await work(served);
        } finally {
          underWay -= 1;
          if (underWay === 0) whenIdle?.();
        }
      },
    },
    setIncident(next) {
      incident = next;
    },
    setSince(next) {
      since = next;
    },
    retire() {
      retired ??= new Promise<void>((resolve) => {
        if (underWay === 0) resolve();
        else whenIdle = resolve;
      }).then(() => served.close());
      return retired;
    },
  };
}
