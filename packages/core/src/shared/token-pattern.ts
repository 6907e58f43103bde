/** A dot as it is, percent-encoded any number of times, or escaped for HTML or JSON. */
const DOT = String.raw`(?:\.|%(?:25)*2E|&#0*46;|&#x0*2E;|&period;|\\+u002e)`;

/** Matches tokens in any text, also with encoded dots. */
export const TOKEN_PATTERN: RegExp = new RegExp(`nwt1${DOT}[\\w-]*(?:${DOT}[\\w-]*){0,2}`, 'gi');
