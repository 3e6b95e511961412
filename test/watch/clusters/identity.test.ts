import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identify, type KnownCluster } from '../../../src/watch/clusters/identity.ts';
import { tellingTerms } from '../../../src/watch/clusters/terms.ts';

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `r${from + index}`);
const known = (more: Partial<KnownCluster> = {}): KnownCluster => ({
  ...{ key: 'cluster/1', state: 'stable', rows: 20, terms: ['tyre', 'pressure', 'psi'], members: ids(0, 20) },
  ...more,
});

test('a group that no cluster resembles is new', () => {
  const { groups } = identify([known()], [{ members: ids(50, 70), terms: ['visa', 'passport'] }]);
  assert.deepEqual([groups[0]?.key, groups[0]?.state], [null, 'new']);
});

test('a cluster keeps its key while its rows grow, move and leave', () => {
  const grown = identify([known()], [{ members: ids(0, 30), terms: [] }]).groups[0];
  assert.deepEqual([grown?.key, grown?.state], ['cluster/1', 'growing']);
  const moved = identify([known()], [{ members: ids(12, 32), terms: [] }]).groups[0];
  assert.deepEqual([moved?.key, moved?.state], ['cluster/1', 'stable']);
});

test('of two halves of a cluster the one that shares more keeps its key', () => {
  const halves = [
    { members: ids(0, 5), terms: [] },
    { members: [...ids(5, 20), 'x'], terms: [] },
  ];
  const both = identify([known(), known({ key: 'cluster/2', members: ids(100, 120), terms: [] })], halves);
  assert.deepEqual(
    both.groups.map(({ key }) => key),
    ['cluster/1', null],
  );
  assert.deepEqual(both.resolved, ['cluster/2']);
});

test('a cluster that comes back after all its rows have left is known by its terms, and grows', () => {
  const resolved = known({ state: 'resolved', rows: 0, members: [] });
  const [back] = identify([resolved], [{ members: ids(90, 110), terms: ['tyre', 'psi', 'pressure', 'car'] }]).groups;
  assert.deepEqual([back?.key, back?.state], ['cluster/1', 'growing']);
});

test('groups are named by words that others do not have, never by marks of the redactor or words of a few rows', () => {
  const tyres = Array.from(
    { length: 20 },
    (_, n) => `please check the tyre pressure [EMAIL] ${n < 2 ? 'xylocanary' : ''}`,
  );
  const visas = Array.from({ length: 20 }, () => 'please renew the visa [PHONE_1]');
  const groups = [0, 20].map((start) => Array.from({ length: 20 }, (_, row) => start + row));
  const [first, second] = tellingTerms([...tyres, ...visas], groups);
  assert.deepEqual(first?.sort(), ['check', 'pressure', 'tyre']);
  assert.deepEqual(second?.sort(), ['renew', 'visa']);
});
