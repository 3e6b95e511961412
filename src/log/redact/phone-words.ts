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

const otherThing = new RegExp(
  String.raw`(?<![a-z])(?:meeting|zoom|webex|order|invoice|ticket|booking|part|p\/n|s\/n|serial|sku|lot|batch|ein|isbn|issn|tracking|policy|claim|population|ratio|matrix|patent|member(?:ship)?|confirmation|model|version|coordinates?)(?: ?(?:id|ids|numbers?|no|nr|code))?[\s:.#="'(-]{0,4}$`,
  'i',
);
const otherReach = 32;

/** Whether the text says right before a number that it is another thing's: asked where only its shape speaks for a phone. */
export function isOtherThing(text: string, start: number): boolean {
  return otherThing.test(text.slice(Math.max(0, start - otherReach), start));
}

const behind =
  /^[\s,.:;)"'-]{0,3}(?:is (?:my|his|her|our|their|the) (?:\w{2,8} )?(?:number|phone|cell|mobile|fax)|as (?:my|his|her|our|their|the|a)? ?(?:callback|contact|phone|new)? ?number|(?:call|text|ring|phone|whatsapp) (?:me|us|him|her)|(?:(?:if|when) (?:you|u) (?:wanna|want to|need to|can)|to) (?:call|text|ring|reach) )/i;
const behindReach = 40;

/** Whether what follows a number says that it is somebody's: "is my number", "call me". */
export function announcedBehind(text: string, end: number): boolean {
  return behind.test(text.slice(end, end + behindReach));
}

const parts = /^(?: ?[,/;|&] ?| (?:or|and|oder|und|ou|et|y|o|e) )$/;
const longestPart = 6;

/** Whether a number at `start` goes on a list that began with a phone number: 4155552671, 4155552672. */
export function goesOnList(text: string, last: Span | undefined, start: number): boolean {
  if (last?.kind !== 'PHONE' || start <= last.end || start - last.end > longestPart) return false;
  return parts.test(text.slice(last.end, start));
}
