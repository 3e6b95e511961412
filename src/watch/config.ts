import { z } from 'zod';

const share = z.number().min(0).max(1);
const count = z.number().int().positive();
const seconds = z.number().positive();
const action = z.enum(['incident', 'warn', 'off']);
const actionText = 'what a detection does: open an incident (these share the false-alarm budget), only warn, or off';

function margin(usual: number) {
  return share.default(usual).describe('a change smaller than this is not drift, however many rows show it');
}

function firstDay(usual: number) {
  return share
    .default(usual)
    .describe("the margin while the reference spans less than a day, and knows nothing of the day's cycle");
}

/** What each monitor of a model does: part of `models.<name>.drift`. */
export const monitorSettings = {
  goldSet: z
    .strictObject({
      action: action.default('incident').describe(actionText),
      margin: margin(0.01),
      everySeconds: seconds.optional().describe('time between probes; default: every look, an hour for an upstream'),
      cases: count
        .optional()
        .describe('cases drawn at random for each probe; default: the whole gold set, 60 for an upstream'),
      repeats: count.default(1).describe('times each case of a probe is asked; repeats of a case are averaged'),
      baselineRepeats: count
        .optional()
        .describe('times the whole gold set is asked after a deployment; default: 5, 1 for an ONNX champion'),
    })
    .prefault({}),
  referenceRequests: count
    .default(500)
    .describe('first requests after a deployment, taken as the reference until it spans a day'),
  lowConfidence: z
    .strictObject({
      action: action.default('incident').describe(actionText),
      margin: margin(0.05),
      firstDayMargin: firstDay(0.15),
    })
    .prefault({}),
  confidence: z
    .strictObject({
      action: action.default('warn').describe(actionText),
      margin: margin(0.1),
      firstDayMargin: firstDay(0.2),
    })
    .prefault({}),
  negativeFeedback: z
    .strictObject({
      action: action.default('warn').describe(actionText),
      margin: margin(0.02),
      firstDayMargin: firstDay(0.05),
      lagSeconds: z.number().min(0).default(3600).describe('rows are judged at this age: feedback takes its time'),
    })
    .prefault({}),
};
