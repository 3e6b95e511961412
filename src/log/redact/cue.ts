/** Words between a cue and what it announces: "phone number is", "call me back at". */
const fillers = String.raw`(?:[\s:.,;=#"'()\[<>/|?*_-]|(?:n[or]|num|number|numbers|nummer|numéro|número|numero|is|are|was|be|me|us|him|her|them|you|my|our|your|his|their|the|a|at|on|via|by|to|or|and|back|now|today|tomorrow|anytime|directly|line|phone|cell|mobile|work|home|office|private|usa?|uk|value|ist|lautet|unter|es|est|au|al)(?![a-z])|[为為是号號码碼は番，、])`;

/** How far back a cue is looked for. */
const reach = 48;

/** A test for "what precedes this place announces what follows": one of `words`, then filler words up to the place. */
export function createCue(words: string): (text: string, place: number) => boolean {
  const cue = new RegExp(String.raw`(?:${words})${fillers}{0,24}$`, 'i');
  return (text, place) => {
    const before = text.slice(Math.max(0, place - reach), place);
    // A mark hides what it replaced: what precedes it says nothing about what follows.
    return cue.test(before.slice(before.lastIndexOf(']') + 1));
  };
}
