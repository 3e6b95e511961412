import { createHmac } from 'node:crypto';

/**
 * A user id as the log keeps it: the first 16 hex digits of HMAC-SHA-256 (RFC 2104). Without the key nobody can try
 * guessed ids against it; with another key the same user has another hash.
 */
export function hashUser(key: string, userId: string): string {
  return createHmac('sha256', key).update(userId).digest('hex').slice(0, 16);
}

/**
 * A number in [0, 1) that depends on key and text alone. Sampling by it decides the same however often a request is
 * looked at, and nobody without the key can choose ids that are kept.
 */
export function keyedFraction(key: string, text: string): number {
  // The zero byte keeps these digests apart from those of user ids.
  const digest = createHmac('sha256', key).update(`sample\0${text}`).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}
