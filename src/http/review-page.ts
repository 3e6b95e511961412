const routes = [
  ['GET', '/api/review', 'rows that wait for a correction: ?model, ?incident, ?tag, ?limit, ?offset'],
  ['GET', '/api/review/cards', 'the same as cards, near-duplicates folded: ?model, ?incident, ?tag, ?limit'],
  ['POST', '/api/review/next', '{"operator","model"?,"incident"?,"tag"?,"count"?,"held"?,"lease_minutes"?}'],
  ['POST', '/api/review/answer', '{"operator","lease","request_id","completion" or "right":true,"apply_to"?}'],
  ['POST', '/api/review/skip', '{"operator","lease","request_id","minutes"?}'],
  ['POST', '/api/review/remove', '{"operator","lease","request_id","apply_to"?}'],
  ['POST', '/api/review/renew', '{"operator","lease","lease_minutes"?}'],
  ['POST', '/api/review/release', '{"operator","lease"}'],
  ['POST', '/api/review/undo', '{"operator","lease_minutes"?}'],
  ['POST', '/api/corrections', '{"operator","corrections":[{"request_id","completion"}]}'],
  ['POST', '/api/tags', '{"tag","request_ids","operator"}'],
  ['POST', '/api/webhooks/label-studio', 'annotations, with the header x-relearn-secret'],
  ['GET', '/api/incidents', 'incidents, open ones first: ?model'],
  ['GET', '/api/incidents/:id', 'one incident, and how far its corrections are'],
  [
    'POST',
    '/api/drift-events',
    '{"model","event_id","detected_at"?,"monitor"?,"reason"?}: drift seen by your own detector',
  ],
  ['GET', '/api/clusters', 'groups of alike rows among those that fail: ?model'],
  ['GET', '/api/models', 'versions, champions, certificates, gates'],
  ['GET', '/api/models/:model/versions/:version', 'certificates, dataset, and who corrected what it learned'],
  ['POST', '/api/retrain', '{"model","operator"}'],
  ['GET', '/healthz', 'this process answers'],
] as const;

/** A plain page that says what there is to ask. `models` are names from the config, which hold no markup. */
export function renderIndex(models: readonly string[]): string {
  const rows = routes.map(([method, path, what]) => {
    const shown = method === 'GET' && !path.includes(':') ? `<a href="${path}">${path}</a>` : path;
    return `<tr><td>${method}</td><td>${shown}</td><td><code>${what}</code></td></tr>`;
  });
  const queues = models.map((model) => `<li><a href="/api/review?model=${model}">${model}</a></li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Relearn review</title>
<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.2rem 1rem .2rem 0}</style>
<h1>Relearn review API</h1>
<p>What waits for a correction, by model:</p>
<ul>${queues.join('')}</ul>
<table>${rows.join('\n')}</table>
</html>
`;
}
