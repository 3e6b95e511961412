/** What labels a labelling configuration of ours offers. */
const choice = /<Choice value="([^"]*)"\/>/g;

/**
 * The labelling configuration of a project: for a classifier its labels as choices and a field for a new one, for a model
 * that writes text a field that holds its answer, to be mended.
 */
export function buildLabelling(labels: readonly string[] | null): string {
  const answer =
    labels === null
      ? '<TextArea name="completion" toName="prompt" value="$response" maxSubmissions="1" editable="true" rows="8"/>'
      : [
          '<Choices name="completion" toName="prompt" choice="single" showInLine="true">',
          ...labels.map((label) => `  <Choice value="${escapeXml(label)}"/>`),
          '</Choices>',
          '<Header value="None of these:" size="6"/>',
          '<TextArea name="other" toName="prompt" maxSubmissions="1" rows="1"/>',
        ].join('\n  ');
  return `<View>
  <Header value="Asked" size="5"/>
  <Text name="prompt" value="$prompt"/>
  <Header value="The model answered" size="5"/>
  <Text name="response" value="$response"/>
  <Header value="What it should have answered" size="5"/>
  ${answer}
</View>`;
}

/** The configuration with labels that have come up since; null when it offers them all. Ones it offers stay. */
export function addLabels(config: string, labels: readonly string[] | null): string | null {
  if (labels === null) return null;
  const offered = [...config.matchAll(choice)].map(([, value]) => unescapeXml(value ?? ''));
  const missing = labels.filter((label) => !offered.includes(label));
  return missing.length === 0 ? null : buildLabelling([...offered, ...missing]);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '').replaceAll(/\s+/g, ' ');
}

function unescapeXml(text: string): string {
  return Object.entries(entities).reduceRight(
    (plain, [character, entity]) => plain.replaceAll(entity, character),
    text,
  );
}
