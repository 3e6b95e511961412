import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGatewayMetrics } from '../../src/http/metrics.ts';
import { followDrift } from '../../src/http/drift-metrics.ts';
import { openIncident } from '../../src/watch/incidents.ts';
import { recordVerdict } from '../../src/watch/verdicts.ts';
import { createTestDatabase } from '../stack.ts';
import { until } from '../until.ts';
import { startTestGateway, testConfig } from './fixtures.ts';

async function scrape(app: Awaited<ReturnType<typeof startTestGateway>>['app']): Promise<string[]> {
  const lines = (await app.inject('/metrics')).body.split('\n');
  return lines.filter((line) => line.startsWith('relearn_'));
}

test('redactions by type, sampling by reason, the log and the time added show what went through', async () => {
  const config = testConfig({ models: { triage: { serve: { kind: 'onnx' }, sampling: { healthyRate: 1 } } } });
  const gateway = await startTestGateway({ config });
  await gateway.promote('');
  await gateway.champions.refresh();
  const prompt = 'block the card of ann@example.com and bob@example.com, 536-22-8726';
  const answer = await gateway.app.inject({ method: 'POST', url: '/chat', payload: { prompt } });
  assert.equal(answer.statusCode, 200);
  await gateway.writer.flush();
  const lines = await scrape(gateway.app);
  const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
  assert.equal(value('relearn_redactions_total{type="EMAIL"}'), 2);
  assert.equal(value('relearn_redactions_total{type="SSN"}'), 1);
  assert.equal(lines.filter((line) => line.startsWith('relearn_sampled_rows_total{')).length, 1);
  assert.equal(value('relearn_log{count="written"}'), 1);
  assert.equal(value('relearn_requests_in_flight'), 0);
  assert.equal(value('relearn_overhead_seconds_count{model="triage"}'), 1);
  const [added, whole] = ['overhead', 'request'].map((name) => {
    return Number(lines.find((line) => line.startsWith(`relearn_${name}_seconds_sum`))?.split(' ')[1]);
  });
  assert.ok(added !== undefined && whole !== undefined && added > 0 && added < whole, `${added} of ${whole}`);
  await gateway.close();
});

test('whatever clients send, the number of series stays the same', async () => {
  const gateway = await startTestGateway();
  const send = async (round: number) => {
    const name = `made-up-${round}`;
    for (const request of [
      { method: 'POST' as const, url: '/chat', payload: { prompt: name, model: name, user_id: name } },
      { method: 'GET' as const, url: `/${name}?${name}=1` },
      { method: 'GET' as const, url: `/v1/models/${name}` },
      { method: 'POST' as const, url: '/v1/feedback', payload: { request_id: name, kind: name } },
    ]) {
      await gateway.app.inject({ ...request, headers: { 'x-user-id': name } });
    }
    const lines = await scrape(gateway.app);
    assert.ok(!lines.join('\n').includes('made-up'));
    return lines.filter((line) => !line.startsWith('relearn_incident_open')).length; // the database's, if it is in time
  };
  const first = await send(0);
  for (let round = 1; round < 5; round += 1) assert.equal(await send(round), first);
  await gateway.close();
});

test('requests and their times are counted by model, route and status, each in its bucket', async () => {
  const metrics = createGatewayMetrics({
    ...{ log: () => ({}), tally: () => ({ redactions: {}, sampled: {} }) },
    ...{ missing: () => [], inFlight: () => 0, drift: () => Promise.resolve(null) },
  });
  const route = '/chat';
  metrics.observe({ model: 'mail', route, status: 200, ms: 5, addedMs: 0.2 });
  metrics.observe({ model: 'mail', route, status: 200, ms: 5.1, addedMs: 2000 });
  metrics.observe({ model: 'mail', route, status: 502, ms: 90_000, addedMs: undefined });
  metrics.observe({ model: 'unknown', route, status: 404, ms: 1, addedMs: undefined });
  const lines = (await metrics.text()).split('\n');
  for (const line of [
    '# TYPE relearn_requests_total counter',
    'relearn_requests_total{model="mail",route="/chat",status="200"} 2',
    'relearn_requests_total{model="mail",route="/chat",status="502"} 1',
    'relearn_requests_total{model="unknown",route="/chat",status="404"} 1',
    '# TYPE relearn_request_seconds histogram',
    'relearn_request_seconds_bucket{le="0.0025",model="mail",route="/chat"} 0',
    'relearn_request_seconds_bucket{le="0.005",model="mail",route="/chat"} 1',
    'relearn_request_seconds_bucket{le="60",model="mail",route="/chat"} 2',
    'relearn_request_seconds_bucket{le="+Inf",model="mail",route="/chat"} 3',
    'relearn_request_seconds_count{model="mail",route="/chat"} 3',
    'relearn_overhead_seconds_bucket{le="0.0002",model="mail"} 1',
    'relearn_overhead_seconds_bucket{le="1",model="mail"} 1',
    'relearn_overhead_seconds_sum{model="mail"} 2.0002',
    'relearn_overhead_seconds_count{model="mail"} 2',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  const series = lines.filter((line) => !line.startsWith('#') && line !== '').map((line) => line.split(' ')[0]);
  assert.equal(new Set(series).size, series.length, 'no series is told twice');
});

test('a count that the log writer learns later shows without a change here', async () => {
  const metrics = createGatewayMetrics({
    log: () => ({ queued: 1, dropped: { refused: 2 }, spool: { rows: 3, bytes: 4 }, state: 'spooling' }),
    tally: () => ({ redactions: {}, sampled: {} }),
    missing: () => [],
    inFlight: () => 0,
    drift: () => Promise.resolve(null),
  });
  const text = await metrics.text();
  for (const line of [
    'relearn_log_queued_rows 1',
    'relearn_log_dropped_rows_total{reason="refused"} 2',
    'relearn_log{count="spool_rows"} 3',
    'relearn_log{count="spool_bytes"} 4',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.ok(!text.includes('spooling'));
});

test('what the monitors said last of the champion, and open incidents, are metrics; what is not known is left out', async () => {
  const gateway = await startTestGateway({ config: testConfig({ models: { triage: { serve: { kind: 'onnx' } } } }) });
  await gateway.promote('');
  const [{ version } = { version: '' }] = await gateway.db.query<{ version: string }>(
    `select version from relearn.aliases where alias = 'champion'`,
  );
  const of = { model: 'triage', modelVersion: version, at: new Date(), look: 'first' };
  const says = { effect: 0, reason: '', figures: {} };
  await recordVerdict(gateway.db, { ...of, monitor: 'gold_set', action: 'incident' }, { ...says, state: 'down' });
  await recordVerdict(gateway.db, { ...of, monitor: 'confidence', action: 'warn' }, { ...says, state: 'drift' });
  await openIncident(gateway.db, {
    ...{ model: 'triage', modelVersion: version, monitor: 'slo', detectedAt: new Date(), figures: {} },
    ...{ windowHours: 12, hotWindowHours: 24 },
  });
  // A database that is slow is not waited for.
  const series = await until('the database answered in time', async () => {
    const lines = (await scrape(gateway.app)).filter((line) => /_state\{|_open\{/.test(line));
    return lines.length === 11 && lines;
  });
  assert.deepEqual(series.filter((line) => line.endsWith(' 1')).sort(), [
    'relearn_incident_open{model="triage"} 1',
    'relearn_monitor_state{model="triage",monitor="confidence",state="warning"} 1',
    'relearn_monitor_state{model="triage",monitor="gold_set",state="down"} 1',
  ]);
  await gateway.close();
});

test('without its database the gateway still answers with its other metrics', async () => {
  const database = await createTestDatabase();
  const read = followDrift(database.db, ['triage']);
  await database.close();
  assert.equal(await read(), null);
});
