/** Finds tokens in any text, also where the dots are percent-encoded. */
export const TOKEN_PATTERN: RegExp = /nwt1(?:\.|%2E)[\w-]*(?:(?:\.|%2E)[\w-]*){0,2}/gi;
