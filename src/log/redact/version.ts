import { packNames, type PackName } from './packs.ts';
import type { ChainOptions } from './chain.ts';

/** Of the rules that are not options. A change of what they find is a new number. */
export const redactionRules = 'relearn-redact/5';

/** What of the options changes the text. Where the second redactor listens does not. */
export interface VersionedOptions {
  packs: readonly PackName[];
  numbered: boolean;
  chain: Pick<ChainOptions, 'language' | 'minScore' | 'entities'> | undefined;
}

/** Such as `relearn-redact/5+numbered+br-cpf+chain:en:0.5:PERSON,LOCATION`, or `relearn-redact/5` without options. */
export function versionOf({ packs, numbered, chain }: VersionedOptions): string {
  const entities = chain?.entities === undefined ? '*' : [...chain.entities].sort().join(',');
  return [
    redactionRules,
    ...(numbered ? ['numbered'] : []),
    ...[...packs].sort(),
    ...(chain === undefined ? [] : [`chain:${chain.language}:${chain.minScore}:${entities}`]),
  ].join('+');
}

/** What `versionOf` wrote, and the rules it names. Undefined when another kind of redactor wrote it. */
export function optionsOfVersion(version: string): (VersionedOptions & { rules: string }) | undefined {
  const [rules = '', ...words] = version.split('+');
  if (!/^relearn-redact\/\d+$/.test(rules)) return undefined;
  const options: VersionedOptions & { rules: string } = { rules, packs: [], numbered: false, chain: undefined };
  const packs: PackName[] = [];
  for (const word of words) {
    const pack = packNames.find((name) => name === word);
    const [, language, minScore, entities] = /^chain:([^:]+):([\d.]+):(.+)$/.exec(word) ?? [];
    if (word === 'numbered') options.numbered = true;
    else if (pack !== undefined) packs.push(pack);
    else if (language !== undefined && entities !== undefined)
      options.chain = {
        ...{ language, minScore: Number(minScore) },
        entities: entities === '*' ? undefined : entities.split(','),
      };
    else return undefined;
  }
  return { ...options, packs };
}
