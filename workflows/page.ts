/** What the page of a workflow shows in the Temporal UI, as Markdown. Pure. */
export interface Page {
  /** One line: what it waits for, or how it ended. */
  says: string;
  facts: Readonly<Record<string, Cell>>;
  tables?: readonly Table[];
  /** What a person may do now, or look at. */
  next?: readonly Link[];
  /** Where people open the console; left out: the next steps are named, not linked. */
  console?: string | undefined;
}

export interface Table {
  title: string;
  head: readonly string[];
  rows: readonly (readonly Cell[])[];
}

export interface Link {
  text: string;
  /** Parts of the place in the console, such as `['incidents', id]`. */
  to: readonly string[];
}

type Cell = string | number;

/** The UI asks for the text in the address of a request, where every sign of a table takes three; proxies cut at 8 KB. */
const longestPage = 2500;
const longestCell = 160;

/** Rows of tables that do not fit are counted instead. */
export function writePage({ says, facts, tables = [], next = [], console }: Page): string {
  const about = writeTable(['', ''], Object.entries(facts));
  const links = next.map((link) => writeLink(link, console)).join(' · ');
  const head = [`**${escape(says)}**`, ...(links === '' ? [] : [`Next: ${links}`]), ...about];
  let room = longestPage - length(head);
  const parts = tables.flatMap(({ title, head: names, rows }) => {
    const fitting = rows.filter((row) => (room -= length([writeRow(row)])) > 0);
    const left = rows.length - fitting.length;
    if (rows.length === 0) return [];
    return [`**${escape(title)}**`, ...writeTable(names, fitting), ...(left === 0 ? [] : [`… and ${left} more`])];
  });
  return [...head, ...parts].join('\n\n');
}

function writeTable(head: Table['head'], rows: Table['rows']): string[] {
  if (rows.length === 0) return [];
  return [[writeRow(head), writeRow(head.map(() => '---')), ...rows.map(writeRow)].join('\n')];
}

function writeRow(cells: readonly Cell[]): string {
  return `| ${cells.map((cell) => escape(String(cell))).join(' | ')} |`;
}

function writeLink({ text, to }: Link, console: string | undefined): string {
  if (console === undefined) return escape(text);
  const place = to.map((part) => encodeURIComponent(part).replace(/[()]/g, (sign) => (sign === '(' ? '%28' : '%29')));
  return `[${escape(text)}](${console}/#/${place.join('/')})`;
}

/** Ids, names and reasons may hold anything: nothing of them is markup. */
function escape(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  const shown = line.length > longestCell ? `${line.slice(0, longestCell)}…` : line;
  return shown.replace(/[\\|<>[\]*_`~]/g, (sign) => `\\${sign}`);
}

function length(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + part.length + 2, 0);
}
