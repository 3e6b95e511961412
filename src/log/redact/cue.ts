/** Words between a cue and what it announces: "phone number is", "call me back at". */
const fillers = String.raw`(?:[\s:.,;=#"'()\[<>/|?*_{~\x60\u00ab\u00bb\u2014\u2018-\u201f\u2190-\u21ff-]|(?:n[or]|num|number|numbers|nummer|numéro|número|numero|is|are|was|be|me|us|him|her|them|you|my|our|your|his|their|the|a|at|on|via|by|to|or|and|back|now|today|tomorrow|anytime|directly|line|phone|cell|mobile|work|home|office|private|usa?|uk|value|from|file|dashes|this|also|please|td|th|dd|dt|b|strong|span|div|em|code|ist|lautet|unter|es|est|au|al|le|el|la|kom|är|er|è|é|e|c'est)(?![a-z])|[为為是号號码碼は番，、])`;

/** How far back a cue is looked for. */
const reach = 48;

/** A test for "what precedes this place announces what follows": one of `words`, then filler words up to the place. */
export function createCue(words: string): (text: string, place: number) => boolean {
  // Read backward from the place: most texts end at the first word that is none of these.
  const cue = new RegExp(String.raw`(?<=(?:${words})${fillers}{0,24})$`, 'iy');
  return (text, place) => {
    const near = text.slice(Math.max(0, place - reach), place);
    // A mark hides what it replaced: what precedes it says nothing about what follows.
    const before = near.slice(near.lastIndexOf(']') + 1);
    cue.lastIndex = before.length;
    return cue.test(before);
  };
}
