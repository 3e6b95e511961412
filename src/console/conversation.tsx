import { z } from 'zod';
import { Redacted } from './parts.tsx';

const messages = z.array(z.object({ role: z.string(), content: z.unknown() })).min(1);

/** A prompt: one text, or the messages of a conversation, which are kept as JSON. */
export function Conversation({ prompt }: { prompt: string }) {
  const said = readMessages(prompt);
  if (said === null) {
    return (
      <p className="text">
        <Redacted text={prompt} />
      </p>
    );
  }
  return said.map(({ role, content }, place) => (
    <div key={place}>
      <h3>{role}</h3>
      <p className="text">
        <Redacted text={typeof content === 'string' ? content : JSON.stringify(content, null, 2)} />
      </p>
    </div>
  ));
}

function readMessages(prompt: string): z.output<typeof messages> | null {
  if (!prompt.startsWith('[')) return null;
  try {
    return messages.safeParse(JSON.parse(prompt)).data ?? null;
  } catch {
    return null;
  }
}
