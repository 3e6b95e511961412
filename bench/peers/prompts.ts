/** Sentences of support mail; two of the six in the middle hold something to redact. */
const openings = [
  'Hi, I ordered a coffee grinder two weeks ago and the parcel still has not arrived.',
  'My card was charged twice for the same subscription and I would like one payment back.',
  'The app signs me out every time I open the settings page, on two different phones.',
  'Could you change the delivery address of my last order before it leaves the warehouse?',
];
const middles = [
  'I have waited for an answer since Monday and nobody has written to me.',
  'Please write to maria.lopez@example.com when you know more.',
  'The order number is 4471-A and the invoice says 129.90 EUR.',
  'You can call me on (415) 555-2671 after six in the evening.',
  'It worked until version 5.2.1; since 5.3.0 it shows error code 0x80070057.',
  'The tracking page has said "in transit" for nine days now.',
];
const endings = [
  'What should I do next?',
  'Please tell me how long this takes and whether I must send anything back.',
  'I would rather not cancel, but I need it before the end of the month.',
];

/** The same `index` gives the same text. */
export function supportPrompt(index: number): string {
  const pick = (texts: readonly string[], turn: number) => texts[(index * 7 + turn) % texts.length] ?? '';
  const sentences = [pick(openings, 0), pick(middles, index >> 2), pick(middles, (index >> 3) + 2), pick(endings, 1)];
  return `${sentences.join(' ')} (${index})`;
}

export function chatRequest(index: number, model: string): string {
  return JSON.stringify({
    ...{ model, temperature: 0.2, user: `customer-${index % 97}` },
    messages: [{ role: 'user', content: supportPrompt(index) }],
  });
}
