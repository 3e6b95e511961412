import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { RelearnError } from '../errors.ts';
import { isLoopback } from './loopback.ts';

/** Methods that change nothing. */
export const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Keeps web pages of others away from a server that asks for no key: a page whose name was made to point here (DNS
 * rebinding) sends its own name as Host, and a page elsewhere sends its own Origin with a POST. Says why not, or undefined.
 * `mayAskFromElsewhere`: its page is known, whatever its Origin.
 */
export function createHostCheck(
  configuredHost: string,
): (request: Pick<IncomingMessage, 'method' | 'headers'>, mayAskFromElsewhere?: boolean) => RelearnError | undefined {
  let lastOwn: string | undefined; // callers rarely change the name they use
  return ({ method = '', headers: { host: given = '', origin } }, mayAskFromElsewhere = false) => {
    if (given !== lastOwn) {
      const host = hostName(`http://${given}`);
      if (host === undefined || !isOwnHost(host, configuredHost)) {
        return new RelearnError('forbidden', 'This Host is not served here. Use localhost, or the configured host.');
      }
      lastOwn = given;
    }
    if (mayAskFromElsewhere || origin === undefined || readMethods.has(method)) return undefined;
    if (!isSameOrigin(origin, given)) {
      return new RelearnError('forbidden', 'Requests of other web pages are refused: their Origin is not this server.');
    }
    return undefined;
  };
}

/** The host's name or address without port and brackets, in lower case. */
function hostName(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : undefined;
}

function isOwnHost(host: string, configuredHost: string): boolean {
  if (isLoopback(host)) return true;
  // Bound to every address, it answers by any of them: an address cannot be rebound, a name can.
  if (configuredHost === '0.0.0.0' || configuredHost === '::') return isIP(host) !== 0;
  return host === configuredHost.toLowerCase();
}

/** Whether a page with this Origin came from this server. */
export function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
