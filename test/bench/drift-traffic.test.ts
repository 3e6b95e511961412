import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kinds, trafficFalseAlarms } from '../../bench/drift-traffic.ts';
import { logThresholdFor } from '../../src/watch/e-detector.ts';

const looksAYear = 365 * 96;

for (const name of ["a day's cycle", 'bursty users'] as const) {
  test(`a year of healthy traffic with ${name} raises at most one alarm a monitor, where a z-test of the rows raises hundreds`, () => {
    const kind = kinds[name];
    assert.ok(kind !== undefined);
    const { zTest, ...monitors } = trafficFalseAlarms(kind, logThresholdFor(looksAYear, 3), 1);
    for (const [monitor, alarms] of Object.entries(monitors)) assert.ok(alarms <= 1, `${monitor}: ${alarms} alarms`);
    assert.ok(zTest > 100, `${zTest}`);
  });
}
