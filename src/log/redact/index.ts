export {
  redactMessages,
  redactorInForce,
  redactorVersion,
  redactText,
  redactTexts,
  redactToStore,
  useRedaction,
} from './in-force.ts';
export { describeOtherRedactor, redactorOfVersion } from './of-version.ts';
export { packNames, type PackName } from './packs.ts';
export { createRedactor, type Redacted, type RedactionOptions, type Redactor } from './redactor.ts';
export { redactRow } from './redact-row.ts';
export { redactionRules } from './version.ts';
