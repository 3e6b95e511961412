import { compile } from 'html-to-text';
import PostalMime from 'postal-mime';

/** More than enough for the text that is kept; attachments behind it are not worth reading. */
const readBytes = 64 * 1024;
const keptCharacters = 1500;

const skip = (selector: string) => ({ selector, format: 'skip' });
const plainHeading = (selector: string) => ({ selector, options: { uppercase: false } });

const stripTags = compile({
  wordwrap: false,
  selectors: [
    skip('img'),
    { selector: 'a', options: { ignoreHref: true } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map(plainHeading),
  ],
});

/** Mail often calls its HTML plain text. */
const looksLikeHtml = /<(?:html|body|table|font|center|div|p|br|a|b)\b[^>]{0,300}>/i;

/**
 * The prompt a mail becomes: its subject, and on the next line the first 1,500 characters of its text. All text parts
 * are joined, HTML tags are stripped and white space is folded. Bytes that belong to no character are replaced; a mail
 * of broken structure gives the text that can be read. '' when there is none.
 */
export async function readMailPrompt(raw: Uint8Array): Promise<string> {
  const mail = await PostalMime.parse(raw.subarray(0, readBytes));
  const parts = [mail.text, mail.html].filter((part) => part !== undefined);
  const text = parts.map((part) => (looksLikeHtml.test(part) ? stripTags(part) : part)).join(' ');
  const kept = Array.from(foldSpace(text)).slice(0, keptCharacters).join('');
  return `${foldSpace(mail.subject ?? '')}\n${kept}`.trim();
}

/** Control characters are white space here: Postgres stores no NUL, and no model needs one. */
function foldSpace(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}
