import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '../src/errors.ts';
import { startGatewayPeer, type GatewayPeer } from './gateway-server.ts';
import { runLoad, startNodePeer, type LoadOptions, type Peer } from './peers/node.ts';
import { startLiteLlm, startMiddleware } from './peers/python.ts';

const model = 'support';
const rounds = 7;
const seconds = 3;
const warmUpSeconds = 5;
const openLoopPerSecond = 1000;

/**
 * What one `relearn gateway` process costs, with redaction on and every row written to Postgres: its throughput beside
 * three peers in front of the same upstream, and the latency it adds at 1,000 requests a second beside what the bare
 * proxy adds. Fails when a row of an answered request is not in the log at the end.
 */
export async function run(): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    const upstream = await startNodePeer('upstream', directory);
    stops.push(() => upstream.process.stop());
    const origin = `http://127.0.0.1:${upstream.port}`;
    const gateway = countAnswers(await startGatewayPeer(directory, `${origin}/v1`, model));
    stops.push(() => gateway.peer.stop());

    const starts: Record<string, () => Promise<Peer>> = {
      bare_proxy: () => startNodePeer('bare-proxy', directory, origin),
      seed_middleware: () => startMiddleware(directory, `${origin}/v1`),
      litellm: () => startLiteLlm(directory, `${origin}/v1`, model),
    };
    const peers = new Map<string, Peer>();
    for (const [name, start] of Object.entries(starts)) {
      const peer = await start().catch((error: unknown) => console.error(`left out ${name}: ${errorMessage(error)}`));
      if (peer === undefined) continue;
      stops.push(() => peer.process.stop());
      peers.set(name, peer);
    }
    const throughput = await measureThroughput(gateway, peers);
    for (const { name, process } of peers.values()) if (name !== 'bare-proxy') await process.stop();
    return { ...throughput, ...(await measureAddedLatency(gateway, upstream, peers.get('bare_proxy'))) };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

interface CountedGateway {
  peer: GatewayPeer;
  load: (options: Omit<LoadOptions, 'port' | 'model'>) => ReturnType<typeof runLoad>;
  /** Waits till the log is written and returns the answered requests that are not in it. */
  lostRows(): Promise<number>;
}

function countAnswers(peer: GatewayPeer): CountedGateway {
  let answered = 0;
  return {
    peer,
    async load(options) {
      const result = await runLoad({ ...options, port: peer.port, model });
      answered += result.answered;
      return result;
    },
    async lostRows() {
      return Math.max(0, answered - (await peer.loggedRows()));
    },
  };
}

/**
 * Of a gateway that has answered before: percentiles of its latency less those of the upstream asked directly, in turns;
 * and the same of the bare proxy, which is what a machine takes for one more process on the way.
 */
async function measureAddedLatency(gateway: CountedGateway, upstream: Peer, bare: Peer | undefined) {
  const openLoop = { seconds, perSecond: openLoopPerSecond };
  const asks: Record<string, typeof gateway.load> = {
    added: gateway.load,
    direct: (options) => runLoad({ ...options, port: upstream.port, model }),
    ...(bare && { bare: (options) => runLoad({ ...options, port: bare.port, model }) }),
  };
  for (const ask of Object.values(asks)) await ask({ ...openLoop, seconds: warmUpSeconds });
  const latencies: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, ask] of Object.entries(asks)) {
      latencies[name] = [...(latencies[name] ?? []), ...(await ask(openLoop)).latenciesMs];
    }
  }
  const { direct = [], ...others } = latencies;
  return Object.fromEntries(
    Object.entries(others).flatMap(([name, through]) => [
      [`${name}_p50_ms`, quantile(through, 0.5) - quantile(direct, 0.5)],
      [`${name}_p99_ms`, quantile(through, 0.99) - quantile(direct, 0.99)],
    ]),
  );
}

/**
 * The gateway's requests a second over each peer's, medians of rounds in which each takes its turn. Not the median of each
 * round's ratio: a machine that others share runs a few seconds a fifth faster or slower.
 */
async function measureThroughput(gateway: CountedGateway, peers: ReadonlyMap<string, Peer>) {
  await gateway.load({ seconds: warmUpSeconds });
  for (const { port } of peers.values()) await runLoad({ seconds: warmUpSeconds, port, model });
  await gateway.lostRows(); // what is still being written would slow the next
  const own: number[] = [];
  const theirs = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round += 1) {
    const { perSecond } = await gateway.load({ seconds });
    own.push(perSecond);
    console.error(`round ${round}: gateway ${Math.round(perSecond)}/s`);
    await gateway.lostRows();
    for (const [name, { port }] of peers) {
      const { perSecond: theirRate } = await runLoad({ seconds, port, model });
      console.error(`round ${round}: ${name} ${Math.round(theirRate)}/s`);
      theirs.set(name, [...(theirs.get(name) ?? []), theirRate]);
    }
  }
  const lost = await gateway.lostRows();
  if (lost > 0) throw new Error(`${lost} answered requests are not in the log: this measures another gateway.`);
  const requestsPerS = quantile(own, 0.5);
  return {
    ...Object.fromEntries([...theirs].map(([name, rates]) => [`vs_${name}`, requestsPerS / quantile(rates, 0.5)])),
    requests_per_s: requestsPerS,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
