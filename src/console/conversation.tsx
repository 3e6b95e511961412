import { useEffect, useRef } from 'react';
import { z } from 'zod';
import { messageText, promptMessages, readAnswer, type Message } from '../chat.ts';
import { Redacted } from './parts.tsx';

/** A prompt: one text, or the turns of a conversation, the last of which is in view. */
export function Conversation({ prompt }: { prompt: string }) {
  const turns = promptMessages(prompt);
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (pane.current !== null && turns.length > 1) pane.current.scrollTop = pane.current.scrollHeight;
  }, [prompt, turns.length]);
  return (
    <div className="pane" ref={pane} tabIndex={0} role="region" aria-label="Prompt">
      {turns.length === 1 && turns[0]?.role === 'user' ? (
        <Said message={turns[0]} />
      ) : (
        <ol className="turns">
          {turns.map((turn, place) => (
            <li key={place} data-role={turn.role}>
              <Turn turn={turn} />
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

/** What the model answered: a text, or calls of tools. */
export function Answer({ response }: { response: string }) {
  return <Said message={readAnswer(response)} />;
}

/** What a prompt asks, in a few words: the last thing the user said. */
export function lastAsked(prompt: string): string {
  const turns = promptMessages(prompt);
  const last = turns.findLast(({ role }) => role === 'user') ?? turns.at(-1);
  return last === undefined ? '' : messageText(last);
}

/** The instructions are the same in every conversation: they are folded away. */
function Turn({ turn }: { turn: Message }) {
  const { role, name, tool_call_id: call } = turn;
  const who = [role, name, call == null ? null : `answers ${call}`].filter((word) => word != null).join(' · ');
  if (role !== 'system' && role !== 'developer') {
    return (
      <>
        <h3>{who}</h3>
        <Said message={turn} />
      </>
    );
  }
  return (
    <details>
      <summary>
        <h3>{who}</h3> <span className="quiet">{messageText(turn).slice(0, 120)}</span>
      </summary>
      <Said message={turn} />
    </details>
  );
}

const toolCall = z.object({
  id: z.string().optional(),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

function Said({ message }: { message: Message }) {
  const { content, refusal, tool_calls: calls, function_call: older } = message;
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  return (
    <>
      {parts.map((part, place) => (
        <p key={place} className="text" dir="auto">
          {typeof part['text'] === 'string' ? <Redacted text={part['text']} /> : <em>[{part.type}]</em>}
        </p>
      ))}
      {refusal != null && (
        <p className="text">
          refused: <Redacted text={refusal} />
        </p>
      )}
      {(calls ?? []).map((call, place) => (
        <Call key={place} call={call} />
      ))}
      {older != null && <Call call={{ function: older }} />}
    </>
  );
}

function Call({ call }: { call: unknown }) {
  const read = toolCall.safeParse(call).data;
  const { name, arguments: given } = read?.function ?? { name: 'a tool', arguments: JSON.stringify(call) };
  return (
    <div className="call">
      <b>
        calls <Redacted text={name} />
      </b>
      {read?.id !== undefined && <span className="quiet"> {read.id}</span>}
      <pre className="text">
        <Redacted text={indent(given)} />
      </pre>
    </div>
  );
}

/** JSON on lines of its own, unless that changes more than blanks: numbers too long for JavaScript stay as they are. */
function indent(json: string): string {
  const tight = (text: string) => text.replaceAll(/\s/g, '');
  try {
    const lines = JSON.stringify(JSON.parse(json), null, 2);
    return tight(lines) === tight(json) ? lines : json;
  } catch {
    return json;
  }
}
