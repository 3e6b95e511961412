const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** How long ago, in the largest unit that fits; the exact time in its title. */
export function Ago({ at }: { at: string }) {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ['second', 1];
  const told = unit === 'second' ? 'just now' : relative.format(-Math.floor(seconds / size), unit);
  return (
    <time dateTime={at} title={exact.format(new Date(at))}>
      {told}
    </time>
  );
}
