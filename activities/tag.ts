import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { z } from 'zod';
import type { Config, ModelConfig } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { applyRule } from '../src/tag/rules.ts';
import { pinIncidentRows } from '../src/watch/incident-rows.ts';
import { getIncident } from '../src/watch/incidents.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

/** What `pinIncidentRows` told of its last batch. */
const lastHeartbeat = z.object({ after: z.string().optional() }).catch({});

function settingsOf(config: Config, model: string): ModelConfig {
  const settings = config.models[model];
  if (settings !== undefined) return settings;
  throw new RelearnError('model_not_found', `Model ${model} is not configured.`);
}

/** A gateway looks four times a second, and rows wait up to `log.flushMs` for the database. */
const untilGatewaysKnowMs = 1000;

export function createTagActivities({ config, db }: Pick<ActivityDependencies, 'config' | 'db'>) {
  return {
    /** Tags the rows that meet the model's `tags.rules` since they were applied last. Returns how many. */
    async applyTagRules({ model }: { model: string }): Promise<number> {
      return withHeartbeat(async (tell) => {
        let tagged = 0;
        for (const rule of settingsOf(config, model).tags.rules) {
          tagged += await applyRule(db, model, rule);
          tell({ tagged });
        }
        return tagged;
      });
    },

    /**
     * Brings the rows of an incident into `samples` and tags them `drift_window` or `post_drift`. May run again; an
     * attempt goes on where the one before it was lost. `justOpened`: gateways have yet to hear of the incident, and what
     * they log till then is waited for.
     */
    async keepIncidentRows({
      incident,
      justOpened = false,
    }: {
      incident: string;
      justOpened?: boolean;
    }): Promise<void> {
      const found = await getIncident(db, incident);
      const model = settingsOf(config, found.model);
      const { hotWindowHours } = config.log;
      const done = lastHeartbeat.parse(activityInfo().heartbeatDetails ?? {});
      const options = { maxPinned: model.drift.maxPinned, hotWindowHours, after: done.after };
      await withHeartbeat(async (tell) => {
        if (justOpened) await sleep(untilGatewaysKnowMs);
        await pinIncidentRows(db, found, { ...options, onBatch: tell });
      }, done);
    },
  };
}
