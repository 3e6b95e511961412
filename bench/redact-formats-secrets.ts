import type { Random } from './redact-random.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const mixed = (random: Random, length: number): string =>
  `a7${Array.from({ length: length - 2 }, () => alphabet[random.integer(0, alphabet.length - 1)]).join('')}`;
const encoded = (value: string): string => Buffer.from(value).toString('base64');

/** What is to be gone, and the text it stands in: as shells, deployment files, requests and logs hold secrets. */
export const secretForms: Record<string, (random: Random) => [secret: string, text: string]> = {
  curlBearer: put(
    (random) => mixed(random, 40),
    `curl -sS -H "Authorization: Bearer {}" https://api.example.com/v1/me`,
  ),
  curlBasic: put(
    (random) => encoded(`joe:${mixed(random, 14)}`),
    `curl -H 'Authorization: Basic {}' https://x.example`,
  ),
  curlUser: put((random) => mixed(random, 14), `curl -u admin:{} https://jenkins.example/job/1`),
  curlLong: put((random) => mixed(random, 14), `curl --user 'deploy:{}' -X POST https://x.example/hook`),
  curlKey: put((random) => mixed(random, 32), `curl -H "X-Api-Key: {}" https://x.example`),
  headerJson: put((random) => encoded(`u:${mixed(random, 12)}`), `{"headers":{"authorization":"Basic {}"}}`),
  proxyHeader: put((random) => encoded(`proxy:${mixed(random, 12)}`), `Proxy-Authorization: Basic {}`),
  tokenHeader: put((random) => mixed(random, 40), `Authorization: token {}`),
  envPassword: put((random) => mixed(random, 12), `DB_HOST=db\nDB_PASSWORD={}\nDB_PORT=5432`),
  envKey: put((random) => mixed(random, 32), `export STRIPE_API_KEY="{}"`),
  envSecret: put((random) => mixed(random, 40), `JWT_SECRET='{}'\nPORT=3000`),
  envAws: put((random) => mixed(random, 40), `aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {}`),
  dockerEnv: put((random) => mixed(random, 16), `docker run -e POSTGRES_PASSWORD={} -p 5432:5432 postgres:16`),
  yamlPassword: put((random) => mixed(random, 14), `db:\n  user: app\n  password: "{}"`),
  jsonPassword: put((random) => mixed(random, 14), `{"user":"app","password":"{}","ssl":true}`),
  jsonSecret: put((random) => mixed(random, 36), `{"client_id":"web","client_secret":"{}"}`),
  flag: put((random) => mixed(random, 14), `mysql --user=root --password={} shop`),
  postgresUrl: put(
    (random) => mixed(random, 14),
    `DATABASE_URL=postgres://app:{}@db.example:5432/shop?sslmode=require`,
  ),
  redisUrl: put((random) => mixed(random, 14), `redis://:{}@cache.example:6379/0`),
  mongoUrl: put((random) => mixed(random, 14), `mongodb+srv://svc:{}@c0.ab1.mongodb.example/x`),
  gitUrl: put((random) => `ghp_${mixed(random, 36)}`, `git clone https://joe:{}@github.com/acme/app.git`),
  gitToken: put((random) => `ghp_${mixed(random, 36)}`, `git remote set-url origin https://{}@github.com/acme/app.git`),
  queryKey: put((random) => `AIza${mixed(random, 35)}`, `GET https://maps.example/api?key={}&q=x`),
  queryToken: put((random) => mixed(random, 30), `https://x.example/cb?state=1&access_token={}#done`),
  signedUrl: put(
    (random) => random.fill('h'.repeat(64)),
    `https://b.s3.example/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={}`,
  ),
  jwt: put(
    (random) =>
      `${encoded('{"alg":"HS256","typ":"JWT"}').replaceAll('=', '')}.${encoded(`{"sub":"${random.integer(1, 99999)}"}`).replaceAll('=', '')}.${mixed(random, 43)}`,
    `Cookie: session={}; Path=/`,
  ),
  jwtYaml: put(
    (random) =>
      `${encoded('{"alg":"RS256","kid":"1"}').replaceAll('=', '')}.${encoded('{"iss":"x"}').replaceAll('=', '')}.${mixed(random, 86)}`,
    `auth:\n  token: {}\n`,
  ),
  openai: put((random) => `sk-proj-${mixed(random, 48)}`, `openai.api_key = "{}"`),
  anthropic: put((random) => `sk-ant-api03-${mixed(random, 40)}`, `ANTHROPIC_API_KEY={}`),
  slack: put((random) => `xoxb-${random.fill('dddddddddddd-dddddddddddd')}-${mixed(random, 24)}`, `token: {}`),
  aws: put((random) => `AKIA${random.fill('AAAAAAAAAAAAAAAA')}`, `[default]\naws_access_key_id={}`),
  npmrc: put((random) => `npm_${mixed(random, 36)}`, `//registry.npmjs.org/:_authToken={}`),
  huggingFace: put((random) => `hf_${mixed(random, 34)}`, `login(token="{}")`),
  rsa: pem('RSA PRIVATE KEY'),
  ec: pem('EC PRIVATE KEY'),
  openssh: pem('OPENSSH PRIVATE KEY'),
  pkcs8: pem('ENCRYPTED PRIVATE KEY'),
  pgp: pem('PGP PRIVATE KEY BLOCK'),
  pemJson: (random) => {
    const [secret, text] = pem('PRIVATE KEY')(random);
    return [secret, JSON.stringify({ type: 'service_account', private_key: text })];
  },
};

function put(make: (random: Random) => string, text: string): (random: Random) => [string, string] {
  return (random) => {
    const secret = make(random);
    return [secret, text.replace('{}', () => secret)];
  };
}

function pem(label: string): (random: Random) => [string, string] {
  return (random) => {
    const lines = Array.from({ length: 6 }, () => mixed(random, 64));
    return [lines[3] ?? '', `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----`];
  };
}

/** Words about secrets, places for them, and public halves: nothing to redact. */
export const secretless = [
  'MAX_TOKENS=4096',
  'TOKEN=$TOKEN ./run.sh',
  'export API_KEY=$(cat key.txt)',
  'API_KEY=your-api-key',
  'API_KEY=<your key here>',
  'password: required',
  'password = getpass.getpass()',
  'const token = await fetchToken(user);',
  '"password": {"type": "string", "minLength": 8}',
  '{"password": null, "token": ""}',
  'password: "********"',
  'token_count: 512, total_tokens: 1024',
  'secretName: db-credentials',
  'secretKeyRef:\n  name: db\n  key: password',
  'process.env.OPENAI_API_KEY',
  'os.environ["API_KEY"]',
  'PASSWORD_MIN_LENGTH=12',
  'Authorization: Bearer <token>',
  'Authorization: Basic realm="x"',
  'the basic authentication header is missing',
  'curl -u $USER:$PASS https://x.example',
  'curl -u user:password https://x.example',
  'tokenizer = AutoTokenizer.from_pretrained("bert-base")',
  'the secret: never give up',
  'password=True, secret=False',
  'key=value&sort=asc',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqZ7m2c0F1mV2m1vT5d2Yx3s4r5t6u7v8w9x0y1z2a3 build',
  '-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----',
  '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n-----END PUBLIC KEY-----',
  'PASSWORD_RESET_URL=https://x.example/reset',
  'csrf_token: {{ csrf_token }}',
  'GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}',
];
