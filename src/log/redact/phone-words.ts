import { createCue } from './cue.ts';
import type { Span } from './span.ts';

/** What people call a phone, its number, and what they do with it, language by language. */
const announcing = [
  String.raw`phones?|(?<![a-z])(?:t[eé]l|mob|cell|fax|call|caller(?: id)?|callto|dial|ring|sms|msisdn|hotline|helpline|voicemail|gsm|reach|contact|m|t|p|ph)|mobi(?:l|el)[a-z]{0,8}|whatsapp|signal|viber|wa\.me`,
  String.raw`text (?:me|us|him|her|them)|(?<![a-z"'])text(?= \(?$)|(?<![a-z])(?:my|his|her|our|their|your|mera) (?:(?:new|old|direct|cell|mobile|work|home|contact) )?(?:number|no\.?|nr\.?|#|digits)`,
  String.raw`t[eé]l[eé](?:ph|f)[oóô]{1,2}n[a-zà-ž]{0,8}|tlf|tlm|handy(?:nummer|nr)?|rufnummer|portable|celular|cellulare|(?<![a-z])cel|fono|móvil|puhelin[a-zäö]{0,10}`,
  String.raw`erreichbar|anrufen|joignable|joindre|appele[rz](?:-moi)?|appelle[- ]moi|ll[aá]mame|llamar|ligue|ligar|chiama(?:mi|re)|zadzwoń|bel (?:me|mij|ons)`,
  String.raw`meine nummer|mon num[eé]ro|(?<![a-z])mi n[uú]mero|meu n[uú]mero|mio numero|mijn nummer|mi(?:t|tt) nummer|m[oó]j numer|numărul meu|numaram|moje číslo|nomor (?:hp|wa|saya)|no\.? hp|sđt|điện thoại`,
  String.raw`телефон[а-я]{0,3}|(?<![а-я])(?:тел|моб)|(?:мой|мій) номер|по номеру|звоните|позвони(?:те)?|τηλέφωνο|κινητό|טלפון|נייד`,
  String.raw`(?:फ़?ोन|मोबाइल|मेरा)(?: नंबर)?|โทร|เบอร์|رقمي|(?:هاتف|جوال|موبايل|تلفن)[\u0600-\u06ff]{0,2}`,
  String.raw`电话|電話|手机|手機|携帯|微信|联系方式|联系|聯繫|聯絡|致电|拨打|連絡先|(?:^|[^\u4e00-\u9fff]|[的是])号码|(?:전화|연락처|휴대폰|핸드폰|폰)(?: ?번호)?[는은]?|(?:^|[^가-힣])(?:[제내] )?번호[는은]?|☎|📞|📱|📲`,
];
/** Whether what precedes this place announces a phone number. */
export const announced = createCue(announcing.join('|'));

/** Nobody's phone stands behind these. */
const things = String.raw`(?:zoom|webex) meeting|p\/n|s\/n|serial|sku|lot|batch|ein|isbn|issn|population|ratio|matrix|patent|model|version|coordinates?`;
/** People leave their phone with these, too: "for my order 415-555-2671". */
const cases =
  'meeting|zoom|webex|order|invoice|ticket|booking|part|tracking|policy|claim|member(?:ship)?|confirmation|id';
const itsNumber = String.raw`(?: ?(?:ids?|numbers?|no|nr|code))`;
const otherThing = new RegExp(String.raw`(?<![a-z])(?:${things}|${cases})${itsNumber}?[\s:.#="'(-]{0,4}$`, 'i');
const surelyOtherThing = new RegExp(
  String.raw`(?<![a-z])(?:(?:${things})${itsNumber}?|(?:${cases})(?:${itsNumber}| ?#))[\s:.#="'-]{0,4}$`,
  'i',
);
const otherReach = 32;

/**
 * Whether the text says right before a number that it is another thing's: asked where no word before it announces a
 * phone. A number with the shape of a phone is a thing's only where the text is explicit.
 */
export function isOtherThing(text: string, start: number, hasPhoneShape: boolean): boolean {
  const says = hasPhoneShape ? surelyOtherThing : otherThing;
  return says.test(text.slice(Math.max(0, start - otherReach), start));
}

const whose = '(?:my|his|her|our|their)';
const which =
  '(?:new|old|other|main|best|current|direct|private|personal|cell|mobile|phone|contact|callback|work|home|office|whatsapp)';
const behind = new RegExp(
  String.raw`^[\s,.:;)"'-]{0,3}(?:is ${whose} (?:${which} )?(?:number|phone|cell|mobile|fax)\b|as (?:${whose} (?:${which} )?|(?:(?:the|a) )?(?:callback|contact|phone) )number|(?:call|text|ring|phone|whatsapp) (?:me|us|him|her)\b|(?:(?:if|when) (?:you|u) (?:wanna|want to|need to|can)|to) (?:call|text|ring|reach) (?:me|us|him|her)\b)`,
  'i',
);
const behindReach = 40;

/** Whether what follows a number says that it is somebody's: "is my number", "call me". */
export function announcedBehind(text: string, end: number): boolean {
  return behind.test(text.slice(end, end + behindReach));
}

const parts = /^(?: ?[,/;|&] ?| (?:or|and|oder|und|ou|et|y|o|e) )$/;
const longestPart = 6;

/** Digits of the phone number whose list a number at `start` goes on, as in 4155552671, 4155552672; or 0. */
export function digitsOfList(text: string, last: Span | undefined, start: number): number {
  if (last?.kind !== 'PHONE' || start <= last.end || start - last.end > longestPart) return 0;
  if (!parts.test(text.slice(last.end, start))) return 0;
  return text.slice(last.start, last.end).replace(/\D/g, '').length;
}
