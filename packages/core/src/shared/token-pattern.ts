import { encodedCharacter } from './encoded-character.ts';

const DOT = String.raw`(?:\.|${encodedCharacter('.')})`;

/** Matches tokens in any text, also with encoded dots. */
export const TOKEN_PATTERN: RegExp = new RegExp(`nwt1${DOT}[\\w-]*(?:${DOT}[\\w-]*){0,2}`, 'gi');
