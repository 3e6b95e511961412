import { opens } from './characters.ts';
import { groupEnd, groupSize, groupStart, type Scan } from './scan.ts';
import type { Span } from './span.ts';

// Never another word's ending: these follow a name and end a street.
const clear =
  'Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Parkway|Pkwy|Highway|Hwy|Expressway|Expy|Freeway|Turnpike|Tpke';
const capital =
  'Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Terr|Ter|Way|Wy|Circle|Cir|Trail|Trl|Crescent|Cres|Close|Mews|Gardens?|Gdns|Grove|Hill|Row|Walk|Alley|Aly|Loop|Plaza|Plz|Quay|Wharf|Rise|View|Vale|Park|Green|Fields?|Path|Pike|Route|Causeway|Esplanade|Parade|Pde|Point|Pt|Ridge|Run|Crossing|Xing|Commons?|Cove|Heights|Hts|Landing|Meadows?|Pass|Bend|Broadway|Embankment|Approach|Promenade|Bypass|Mall|Mill|Glen|Hollow|Knoll|Manor|Orchard|Oval|Spur|Trace|Valley|Village|Villas|Vista|Island|Junction|Ridgeway|Strand|Court|Yard|Creek|Falls|Springs?|Shore|Terrasse';
// Postal Service's other suffixes (Publication 28, appendix C1) and their kind elsewhere: words of other things as well, so that a unit or a place must follow.
const seldom =
  'Amble|Anchorage|Annex|Arcade|Basin|Bayou|Beach|Bluffs?|Bottom|Brae|Branch|Bridge|Brooks?|Brow|Burgs?|Byway|Camp|Canyon|Cape|Circles|Circuit|Cliffs?|Concourse|Copse|Corners?|Corso|Courts|Courtyard|Coves|Creek|Crest|Crossroads?|Curve|Cutting|Dale|Dam|Dell|Divide|Drives|Driveway|Estates?|Extensions?|Fairway|Ferry|Flats?|Fords?|Forges?|Forks?|Frontage|Garth|Gateway|Glade|Glens|Grange|Greens|Groves|Gully|Harbors?|Harbour|Haven|Highlands|Hills|Inlet|Islands?|Isle|Junctions|Knolls|Laneway|Lees|Loaf|Locks?|Lodge|Lookout|Manors|Meander|Mills|Motorway|Neck|Nook|Outlook|Overpass|Parklands|Parks|Parkways|Passage|Paths|Piazza|Pines?|Plains?|Plateau|Plazas|Points|Prairie|Quadrangle|Quadrant|Quays|Radial|Ramble|Ramp|Ranch|Retreat|Ridges|Riverway|Roads|Rotary|Shoals?|Shores|Skyway|Slope|Spurs|Squares|Stravenue|Streets|Subway|Tarn|Throughway|Tollway|Tor|Trafficway|Trails|Underpass|Valleys|Via|Viaduct|Views|Villages|Ville|Walks|Walkway|Ways|Wynd';
/** Words of other things, too: only where somebody lives or something is sent. */
const unsure =
  'Access|Block|Break|Centers?|Centre|Chase|Circus|Club|Course|Cross|Entrance|Fall|Forest|Fort|Front|Gap|Gate|Gates|Ground|Keys?|Lakes?|Land|Lights?|Line|Link|Lower|Mew|Mission|Mount|Mountains?|Pocket|Ports?|Range|Rapids?|Reach|Reserve|Rest|Ride|Ring|River|Round|Rue|Sound|Stairs|Station|Steps|Stream|Strip|Summit|Top|Towers|Track|Trailer|Triangle|Tunnel|Turn|Unions?|Upper|Wall|Wells?';
const upper = (words: string): string => `${words}|${words.toUpperCase()}`;
const direction = String.raw`(?:[NSEW]|[NS][EW]|North|South|East|West|Northeast|Northwest|Southeast|Southwest|NORTH|SOUTH|EAST|WEST)\.?`;
const name = String.raw`(?:[A-Z][A-Za-z\u00c0-\u024f'\u2019.-]{0,24}|\d{1,3}(?:st|nd|rd|th|ST|ND|RD|TH)|of|the|de|la|del|des|and|&)`;
/** Of a name of several words, the first is one: "51 and Route 66" is none. */
const firstName = String.raw`(?!(?:of|the|and|&|Days?|Weeks?|Months?|Years?|Hours?|Minutes?|Percent) )${name}`;
const unit = String.raw`(?:,? {0,2}(?:(?:[Aa]pt|APT|[Aa]partment|[Ss]uite|SUITE|[Ss]te|STE|[Uu]nit|UNIT|[Ff]lat|[Ff]loor|[Ff]l|[Rr]oom|[Rr]m|[Bb]uilding|[Bb]ldg|[Ll]ot)\.? ?#? ?[A-Za-z0-9-]{1,6}\b|# ?[A-Za-z0-9-]{1,6}\b))?`;
const place = String.raw`(?:,? {0,2}(?:[A-Z][A-Za-z'.-]{1,20}[ ,]{1,2}){1,3}(?:[A-Z]{2},? {1,2}\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? {1,2}\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)\b)?`;
const number = String.raw`\d{1,6}(?:[ -]?\d{1,2}\/\d{1,2}|[-\u2014/]\d{1,5})?(?:-?[A-RT-Za-rt-z](?![A-Za-z]))?,? {1,2}`;

/** 221B Baker Street, 1600 Pennsylvania Ave NW Suite 5, Springfield, IL 62704 */
const named = new RegExp(
  String.raw`${number}(?:${direction} {1,2})?${firstName} {1,2}(?:${name} {1,2}){0,4}?(?:${upper(clear)}|${upper(capital)})\b\.?(?: ${direction}(?![A-Za-z]))?${unit}${place}`,
  'y',
);
/** 15903 Sara Prairie Suite 12 */
const seldomNamed = new RegExp(
  String.raw`${number}(?:${direction} {1,2})?${firstName} {1,2}(?:${name} {1,2})?(?:${seldom}|(?<unsure>${unsure}))\b\.?(?<tail>${unit}${place})`,
  'y',
);
/** Where somebody lives says that a street follows; where something goes does so only with "to" and its like. */
const lives =
  /\b(?:address(?:es)?|lives?|living|located|resid(?:es?|ing))\b[^\n.;]{0,24}$|\b(?:ship(?:ped|ping)?|deliver(?:ed|y)?|send|sent|mail(?:ed)?|moved?|moving|home|house|office|pick(?:ed)? up|visit|directions)(?: ?:|\b[^\n.;]{0,24}\b(?:to|at|is|in|from):?)(?: (?:flat|apt|apartment|unit|suite|room|level)\.? \w{1,4},?)? {0,2}$/i;
const isYear = /^(?:19|20)\d\d$/;
const reach = 48;
/** "in 2024 Wall Street fell" tells a year. */
const tellsYear = /\b(?:in|since|until|during|by|of|the|year) $/i;
/** 1600 Broadway, 5 The Strand, 350 Avenue of the Americas, 12 Highway 101, 450 County Road 12 */
const nameless = new RegExp(
  String.raw`${number}(?:${direction} {1,2})?(?:(?:The {1,2})?(?:Broadway|Strand|Bowery|Embarcadero|Esplanade|Mall|Avenue (?:of the [A-Z][a-z]{1,20}|[A-Z]\b)|Ave\.? [A-Z]\b)|(?:[A-Z][a-z]{1,12} )?(?:Highway|Hwy|Route|Rte|Road|Rd)\.? \d{1,4}\b)${unit}${place}`,
  'y',
);
/** 12 main street: people type so; only endings that mean little else. */
const lowerCase = new RegExp(
  String.raw`${number}(?:[nsew]{1,2}\.? )?(?:(?!(?:the|a|an|on|in|of|to|at|my|your|our|this|that|per|percent|for|from|and|or|with|down|up|along|minutes?|miles?|meters?|metres?|km|hours?|days?|feet|blocks?|more|other|new|different|cross|people|cars|way|lane|lanes|side|one|two|dead|busy)\b)[a-z][a-z'.-]{1,20} {1,2}){1,3}?(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr)\b(?!['-])\.?${unit}`,
  'y',
);
const box = /(?:P\.? ?O\.? ?|Post Office |p\.?o\.? )[Bb][Oo][Xx] {1,2}(?:#|[Nn]o\.? )?\d{1,6}$/;
const flat = /(?:Flat|Apt|Apartment|Unit|Suite|Room) \w{1,4}, {0,2}$/;

/** Looks for an English street line that starts with this digit group. Returns whether there was one. */
export function takeAddress(scan: Scan, group: number, spans: Span[]): boolean {
  const { text } = scan;
  const start = groupStart(scan, group);
  if (groupSize(scan, group) > 6 || !opens(text, start)) return false;
  const end = groupEnd(scan, group);
  const before = text.slice(Math.max(0, start - 24), end);
  const boxed = text.charCodeAt(start - 1) === 32 || text.charCodeAt(start - 1) === 35 ? box.exec(before) : null;
  if (boxed !== null) {
    spans.push({ kind: 'ADDRESS', start: end - boxed[0].length, end });
    return true;
  }
  if (!maybeStreet(text, start, end)) return false;
  const isYearLike = end - start === 4 && isYear.test(text.slice(start, end));
  if (isYearLike && tellsYear.test(before.slice(0, start - end))) return false;
  const length =
    matchedAt(named, text, start) ||
    matchedAt(nameless, text, start) ||
    matchedAt(lowerCase, text, start) ||
    seldomAt(text, start, end, isYearLike);
  if (length === 0) return false;
  const lead = flat.exec(before.slice(0, start - Math.max(0, start - 24)))?.[0].length ?? 0;
  spans.push({ kind: 'ADDRESS', start: start - lead, end: start + length });
  return true;
}

/** A house number stands alone, and a word follows it: most digits end here. */
function maybeStreet(text: string, start: number, end: number): boolean {
  const before = text.charCodeAt(start - 1);
  if (before === 46 || before === 36 || before === 45 || before === 47) return false; // . $ - /
  return /^(?:[A-Za-z]|[ -]?\d{1,3}\/\d|[-\u2014/]\d{1,5}[A-Za-z]?)?,? {1,2}[A-Za-z0-9]/.test(
    text.slice(end, end + 12),
  );
}

/** Without a word for where somebody lives, the number has three digits and more, is no year, and more of an address follows. */
function seldomAt(text: string, start: number, end: number, isYearLike: boolean): number {
  if (!isCapital(text.charCodeAt(end + 1))) return 0;
  seldomNamed.lastIndex = start;
  const match = seldomNamed.exec(text);
  if (match === null) return 0;
  const { unsure: isUnsure, tail = '' } = match.groups ?? {};
  const isSure = end - start > 2 && !isYearLike && isUnsure === undefined && /\d/.test(tail);
  return isSure || lives.test(text.slice(Math.max(0, start - reach), start)) ? match[0].length : 0;
}

const isCapital = (code: number): boolean => code >= 65 && code <= 90;

function matchedAt(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex - start : 0;
}
