import type { KeptBecause } from '../log/row.ts';
import { reasonToKeep, type RawAnswer } from './log-answer.ts';

/** An answer that waits for the thread of the log. */
export interface Mail {
  answer: RawAnswer;
  /** In characters. */
  size: number;
  /** Called when the writer has the row, and with `log.durable` the disk; or when the row is lost. */
  onHeld?: () => void;
  /** Left out: not read yet. Null: a healthy one. */
  keptBecause?: KeptBecause | null;
}

export interface Room {
  rows: number;
  characters: number;
}

export interface Mailbox {
  /** Takes mail. Is there no room some has to go, which is returned, read: healthy ones first, and last the new one. */
  add(mail: Mail, room: Room): Mail[];
  /** Takes mail out, what is known to be kept first. */
  take(limit: number): Mail[];
  size(): number;
}

/** What an answer is worth is read only when there is no room: until then reading it is the thread's business. */
export function createMailbox(): Mailbox {
  const unread: Mail[] = [];
  const kept: Mail[] = [];
  let characters = 0;
  const size = (): number => unread.length + kept.length;

  function isKept(mail: Mail): boolean {
    if (mail.keptBecause === undefined) mail.keptBecause = reasonToKeep(mail.answer);
    return mail.keptBecause !== null;
  }

  /** The newest healthy one. What has to be kept is put where nobody looks again. */
  function takeHealthy(): Mail | undefined {
    for (let mail = unread.pop(); mail !== undefined; mail = unread.pop()) {
      if (!isKept(mail)) return mail;
      kept.push(mail);
    }
    return undefined;
  }

  return {
    size,
    add(mail, room) {
      const isFull = (): boolean => size() >= room.rows || characters + mail.size > room.characters;
      const lost: Mail[] = [];
      while (isFull()) {
        const healthy = isKept(mail) ? takeHealthy() : undefined;
        if (healthy === undefined) return [...lost, mail];
        characters -= healthy.size;
        lost.push(healthy);
      }
      characters += mail.size;
      unread.push(mail);
      return lost;
    },
    take(limit) {
      const taken = kept.splice(0, limit);
      taken.push(...unread.splice(0, limit - taken.length));
      for (const mail of taken) characters -= mail.size;
      return taken;
    },
  };
}
