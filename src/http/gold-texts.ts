import { stat } from 'node:fs/promises';
import { promptText } from '../chat.ts';
import { readPack, type Case } from '../gate/pack.ts';
import { redactToStore } from '../log/redact/index.ts';

export interface GoldText {
  /** Redacted, its first 600 characters. */
  prompt: string;
  wanted: string | null;
}

interface KnownFile {
  changedMs: number;
  cases: Map<string, Case>;
  texts: Map<string, GoldText>;
}

const mostCharacters = 600;

/**
 * What the cases of a gold set ask, by their ids. A file is read again when it has changed, a text redacted once. Empty
 * where the file or the second redactor cannot be reached: the page then shows ids.
 */
export function createGoldTexts(): (
  path: string | undefined,
  ids: readonly string[],
) => Promise<Map<string, GoldText>> {
  const known = new Map<string, KnownFile>();

  async function open(path: string): Promise<KnownFile> {
    const { mtimeMs: changedMs } = await stat(path);
    const before = known.get(path);
    if (before?.changedMs === changedMs) return before;
    const { cases } = await readPack(path);
    const file = { changedMs, cases: new Map(cases.map((one) => [one.id, one])), texts: new Map<string, GoldText>() };
    known.set(path, file);
    return file;
  }

  return async (path, ids) => {
    if (path === undefined || ids.length === 0) return new Map();
    try {
      const { cases, texts } = await open(path);
      const fresh = ids.filter((id) => !texts.has(id)).flatMap((id) => cases.get(id) ?? []);
      const prompts = await Promise.all(
        fresh.map(({ messages }) => redactToStore((redact) => redact(promptText(messages)))),
      );
      fresh.forEach(({ id, label = null }, place) =>
        texts.set(id, { prompt: (prompts[place] ?? '').slice(0, mostCharacters), wanted: label }),
      );
      return texts;
    } catch {
      return new Map();
    }
  };
}
