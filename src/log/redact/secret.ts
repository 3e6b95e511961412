import type { Scan } from './scan.ts';
import { findNamedSecrets } from './secret-named.ts';
import type { Span } from './span.ts';

/** Keys as their providers write them. Each is bounded: what is longer is cut at the bound and the rest goes with it. */
const keys = [
  String.raw`(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{16}(?![0-9A-Za-z])`, // AWS
  String.raw`gh[pousr]_[0-9A-Za-z]{30,255}|github_pat_[0-9A-Za-z_]{22,255}`, // GitHub
  String.raw`gl(?:pat|dt|rt|ptt|cbt|ft|soat)-[0-9A-Za-z_-]{20,64}`, // GitLab
  String.raw`xox[abeoprs]-[0-9A-Za-z-]{10,250}|xapp-[0-9A-Za-z-]{10,250}`, // Slack
  String.raw`(?<=hooks\.slack\.com\/services\/\w{6,14}\/\w{6,14}\/)\w{16,64}`,
  String.raw`(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{10,247}|whsec_[0-9A-Za-z+/=]{20,100}`, // Stripe
  String.raw`sk-(?:[a-z]{2,8}-)?(?=[A-Za-z_-]{0,40}\d)[0-9A-Za-z_-]{18,255}`, // OpenAI, Anthropic, OpenRouter, DeepSeek
  String.raw`AIza[0-9A-Za-z_-]{35}|(?<=ya29\.)[0-9A-Za-z_-]{20,255}|GOCSPX-[0-9A-Za-z_-]{20,40}`, // Google
  String.raw`(?<=SG\.)[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}`, // SendGrid
  String.raw`(?:AC|SK)[0-9a-f]{32}(?![0-9A-Za-z])`, // Twilio
  String.raw`npm_[0-9A-Za-z]{30,60}|pypi-[0-9A-Za-z_-]{50,250}|dckr_pat_[0-9A-Za-z_-]{20,60}|rubygems_[0-9a-f]{48}`, // registries
  String.raw`(?:(?:hf|gsk|r8|fw|phc|phx|glsa|secret|tfp|rnd|sbp|ntn|figd|lin_api|dop_v1|doo_v1|sntrys|sntryu)_|(?:nvapi|pplx|xai|tvly)-)(?=[A-Za-z_-]{0,60}\d)[0-9A-Za-z_-]{20,255}`, // model hosts and tools
  String.raw`rl_[0-9a-f]{16}_[0-9A-Za-z_-]{43}`, // our own
  String.raw`shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp|idp)-[0-9A-Za-z_-]{22,64}|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}`, // Shopify, Square, Mailgun, Mailchimp
  String.raw`AGE-SECRET-KEY-1[0-9A-Z]{58}|EAA[0-9A-Za-z]{60,255}|v1\.0-[0-9a-f]{24}-[0-9a-f]{140,160}`, // age, Meta, Cloudflare
  String.raw`(?<=(?:^|[^0-9])\d{8,10}:)AA[0-9A-Za-z_-]{33}`, // Telegram
  String.raw`(?<=hv[sbr]\.)[0-9A-Za-z_-]{20,300}|(?<=atlasv1\.)[0-9A-Za-z_-]{40,100}|(?<=dp\.(?:st|pt|ct|sa)\.(?:[\w-]{1,32}\.)?)[0-9A-Za-z]{40,44}`, // HashiCorp, Doppler
  String.raw`[MNO][0-9A-Za-z_-]{22,27}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,38}|(?<=api\/webhooks\/\d{16,20}\/)[0-9A-Za-z_-]{60,80}`, // Discord
  String.raw`ATATT3[0-9A-Za-z_-]{40,200}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|NR(?:AK|JS|II)-[0-9A-Za-z_-]{19,32}|CFPAT-[0-9A-Za-z_-]{43}`, // Atlassian, Postman, New Relic, Contentful
  String.raw`FLW(?:PUB|SEC)K(?:_TEST)?-[0-9a-f]{32}-X|EZ[AT]K[0-9A-Za-z]{54}|rzp_(?:live|test)_[0-9A-Za-z]{14,24}|shippo_(?:live|test)_[0-9a-f]{40}|x(?:keysib|smtpsib)-[0-9a-f]{64}-[0-9A-Za-z]{16}`, // payments, parcels, Brevo
  String.raw`pscale_(?:tkn|pw|oauth)_[0-9A-Za-z_-]{32,64}|rdme_[0-9a-z]{50,80}|dapi[0-9a-f]{32}|pul-[0-9a-f]{40}|oy2[0-9a-z]{43}|tskey-[a-z]{3,8}-[0-9A-Za-z-]{20,80}|LTAI[0-9A-Za-z]{16,24}(?![0-9A-Za-z])`, // PlanetScale, ReadMe, Databricks, Pulumi, NuGet, Tailscale, Alibaba
  String.raw`(?<=1\/\/)0[0-9A-Za-z_-]{40,120}|pcsk_[0-9A-Za-z_]{40,100}|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|jina_[0-9A-Za-z_-]{40,80}|nfp_[0-9A-Za-z]{36,40}|glc_[0-9A-Za-z+/=]{32,200}|pat-(?:na|eu)\d-[0-9a-f]{8}-[0-9a-f-]{27}`, // Google, Pinecone, LangSmith, Jina, Netlify, Grafana, HubSpot
  String.raw`eyJ[0-9A-Za-z_-]{8,2048}\.[0-9A-Za-z_-]{8,4096}(?:\.[0-9A-Za-z_-]{0,2048}){0,3}`, // JSON Web Tokens (RFC 7519)
  String.raw`(?<=[Bb]earer |BEARER )(?=[A-Za-z._~+/=-]{0,80}\d)[0-9A-Za-z._~+/=-]{18,2048}`,
  String.raw`(?<=(?:AccountKey|SharedAccessKey|aws_secret_access_key|AWS_SECRET_ACCESS_KEY|SecretAccessKey)["']? ?[=:] ?["']?)[0-9A-Za-z+/]{18,128}={0,2}`, // Azure, AWS
];
const key = new RegExp(String.raw`(?:${keys.join('|')})[0-9A-Za-z_-]{0,4096}`, 'y');

const blockStart = /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
const blockEnd = /-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** Text behind a block that never ends: key material, and no sentence. */
const body = /(?:[\s"',]{0,4}[0-9A-Za-z+/=]{30,80}){0,200}/y;

/** user:password between :// and @. */
const userInfo = /^[^:]{0,128}:./;
const longestUserInfo = 300;
const endsUserInfo = ' \t\n\r/?#@"\'<>';
const parameter =
  /[?&;](?:x-(?:amz|goog)-)?(?:password|passwd|pwd|pass|secret|client_secret|api[_-]?key|apikey|access_token|auth_token|refresh_token|id_token|token|security-token|sig|signature|private_key)=([^&\s"'#<>]{4,512})/gi;

/** Keys, tokens, private keys and passwords in addresses. */
export function findSecrets(scan: Scan, spans: Span[]): void {
  const { text, tokens } = scan;
  for (const start of tokens) {
    key.lastIndex = start;
    if (key.test(text)) spans.push({ kind: 'SECRET', start, end: key.lastIndex });
  }
  // What is left of "@" may be the name of a mailbox, or else a password.
  scan.ats = scan.ats.filter((at) => {
    const start = userInfoStart(text, at);
    if (start !== -1) spans.push({ kind: 'SECRET', start, end: at });
    return start === -1;
  });
  if (text.includes('PRIVATE KEY')) findBlocks(text, spans);
  findNamedSecrets(text, spans);
  if (!text.includes('=')) return;
  for (const match of text.matchAll(parameter)) {
    const value = match[1] ?? '';
    if (isMark(value)) continue;
    const end = match.index + match[0].length;
    spans.push({ kind: 'SECRET', start: end - value.length, end });
  }
}

/** Start of the user:password of scheme://user:password@host (RFC 3986 deprecates it, databases live by it), or -1. */
function userInfoStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && at - start < longestUserInfo && !endsUserInfo.includes(text.charAt(start - 1))) start -= 1;
  return text.startsWith('://', start - 3) && userInfo.test(text.slice(start, at)) ? start : -1;
}

function findBlocks(text: string, spans: Span[]): void {
  let from = 0;
  let mayEnd = true;
  for (const { 0: header, index } of text.matchAll(blockStart)) {
    if (index < from) continue;
    blockEnd.lastIndex = index + header.length;
    const end: RegExpExecArray | null = mayEnd ? blockEnd.exec(text) : null;
    mayEnd = end !== null; // asked once more for each block, a text without an end would cost its square
    body.lastIndex = index + header.length;
    from = end === null ? (body.test(text) ? body.lastIndex : index + header.length) : end.index + end[0].length;
    spans.push({ kind: 'SECRET', start: index, end: from });
  }
}

/** What an earlier redaction put in the value's place. */
function isMark(value: string): boolean {
  return /^\[[A-Z_]+(?:_\d+)?\]/.test(value);
}
