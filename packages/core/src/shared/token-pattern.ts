/** Matches tokens in any text, also with percent-encoded dots. */
export const TOKEN_PATTERN: RegExp = /nwt1(?:\.|%2E)[\w-]*(?:(?:\.|%2E)[\w-]*){0,2}/gi;
