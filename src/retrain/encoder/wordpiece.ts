import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';

/** A BERT tokenizer. Travels in the version's metadata, so that serving cuts texts as training did. */
export const wordPieceSchema = z.object({
  /** Tokens by id, one a line. */
  vocabulary: z.string().min(1),
  lowercase: z.boolean(),
  stripAccents: z.boolean(),
  /** Longer texts are cut, the two marks around them included. */
  maxTokens: z.number().int().min(3),
});
export type WordPieceParameters = z.output<typeof wordPieceSchema>;

const longestWord = 100;
const specials = ['[CLS]', '[SEP]', '[UNK]'] as const;

const tokenizerJson = z.object({
  normalizer: z
    .object({ type: z.string(), lowercase: z.boolean().nullish(), strip_accents: z.boolean().nullish() })
    .nullish(),
  model: z.object({
    type: z.literal('WordPiece'),
    continuing_subword_prefix: z.literal('##').default('##'),
    vocab: z.record(z.string(), z.number().int().min(0)),
  }),
});

/**
 * Reads `vocab.txt` (one token a line) or `tokenizer.json` (Hugging Face tokenizers, WordPiece). A `vocab.txt` says nothing of
 * case: without a capital letter in it, texts are lower-cased. Throws `invalid_artifact`.
 */
export async function readWordPiece(path: string, maxTokens: number): Promise<WordPieceParameters> {
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unusable(path, 'it cannot be read', cause);
  });
  const { tokens, lowercase, stripAccents } = path.endsWith('.json')
    ? parseTokenizerJson(path, content)
    : parseVocabulary(content);
  const missing = specials.filter((special) => !tokens.includes(special));
  if (missing.length > 0) throw unusable(path, `it lacks ${missing.join(', ')}`);
  return { vocabulary: tokens.join('\n'), lowercase, stripAccents, maxTokens };
}

function parseVocabulary(content: string) {
  const tokens = content.replace(/\r?\n$/, '').split(/\r?\n/);
  const lowercase = !tokens.some((token) => !token.startsWith('[') && token !== token.toLowerCase());
  return { tokens, lowercase, stripAccents: lowercase };
}

function parseTokenizerJson(path: string, content: string) {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (cause) {
    throw unusable(path, 'it is not JSON', cause);
  }
  const parsed = tokenizerJson.safeParse(json);
  if (!parsed.success) throw unusable(path, `${parsed.error.issues[0]?.path.join('.')}: not a WordPiece tokenizer's`);
  const { model, normalizer } = parsed.data;
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  const lowercase = normalizer?.lowercase ?? false;
  return {
    tokens: Array.from(tokens, (token) => token ?? ''),
    lowercase,
    stripAccents: normalizer?.strip_accents ?? lowercase,
  };
}

function unusable(path: string, why: string, cause?: unknown): RelearnError {
  return new RelearnError(
    'invalid_artifact',
    `The tokenizer file ${path}: ${why}. Wanted the encoder's own vocab.txt, or its tokenizer.json with a WordPiece model.`,
    { cause },
  );
}

/** Token ids of a text with [CLS] and [SEP] around it (Devlin et al. 2019; the longest piece first). */
export function createTokenizer(parameters: WordPieceParameters): (text: string) => number[] {
  const ids = new Map(parameters.vocabulary.split('\n').map((token, id) => [token, id]));
  const [cls = 0, sep = 0, unknown = 0] = specials.map((special) => ids.get(special));

  function pieces(word: string): number[] {
    const characters = Array.from(word);
    if (characters.length > longestWord) return [unknown];
    const found: number[] = [];
    for (let start = 0; start < characters.length;) {
      let end = characters.length;
      let id: number | undefined;
      for (; end > start; end -= 1) {
        id = ids.get((start > 0 ? '##' : '') + characters.slice(start, end).join(''));
        if (id !== undefined) break;
      }
      if (id === undefined) return [unknown];
      found.push(id);
      start = end;
    }
    return found;
  }

  return (text) => {
    const found = [cls];
    for (const word of words(text, parameters)) {
      found.push(...pieces(word));
      if (found.length >= parameters.maxTokens) break;
    }
    return [...found.slice(0, parameters.maxTokens - 1), sep];
  };
}

/** Words, and each punctuation mark and each Chinese character, as BERT's own tokenizer cuts them. */
function words(text: string, { lowercase, stripAccents }: WordPieceParameters): string[] {
  let clean = text.replace(/[\0\ufffd]|(?![\t\n\r])\p{C}/gu, '');
  if (lowercase) clean = clean.toLowerCase();
  if (stripAccents) clean = clean.normalize('NFD').replace(/\p{Mn}/gu, '');
  return clean.match(/[\p{P}$+<=>^`|~]|\p{Script=Han}|(?:(?![\p{P}$+<=>^`|~\p{Script=Han}])\S)+/gu) ?? [];
}
