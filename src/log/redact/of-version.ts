import type { ChainOptions } from './chain.ts';
import { createRedactor, type Redactor } from './redactor.ts';
import { optionsOfVersion, redactionRules } from './version.ts';

/**
 * The redactor that a version string names, with today's rules; its second redactor is asked where `chain` says, as
 * the string says. Undefined when the string is of another kind of redactor.
 */
export function redactorOfVersion(version: string, chain: ChainOptions | undefined): Redactor | undefined {
  const options = optionsOfVersion(version);
  if (options === undefined) return undefined;
  return createRedactor({
    ...options,
    chain: options.chain === undefined || chain === undefined ? undefined : { ...chain, ...options.chain },
  });
}

/**
 * What an embedded model that learned with the redactor `learned` does not read as it learned, while `configured` is in
 * force; null when it reads just that.
 */
export function describeOtherRedactor(learned: string, configured: Redactor): string | null {
  if (learned === configured.version) return null;
  const options = optionsOfVersion(learned);
  const head = `It learned with the redactor ${learned}; configured is ${configured.version}.`;
  const retrain = 'Retrain it to end this.';
  if (options === undefined) return `${head} It reads text as configured, which may cost it accuracy. ${retrain}`;
  const missing = [
    ...(options.rules === redactionRules ? [] : ["today's rules find other things"]),
    ...(options.chain !== undefined && configured.chain === undefined ? ['no second redactor is configured'] : []),
  ];
  const but = missing.length === 0 ? '' : `, except that ${missing.join(' and ')}`;
  return `${head} It reads text as it learned${but}; the log is redacted as configured. ${retrain}`;
}
