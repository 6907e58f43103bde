import * as v from 'valibot';

/** As a parser of URLs reads it. Files of environment variables add line breaks. */
const withoutLineBreaks = (url: string) => url.trim().replace(/[\t\n\r]/g, '');

const isHttpUrl = (url: string) => /^https?:\/\//i.test(url) && URL.canParse(url);

/** However it is written: `to%6ben` is the same parameter. */
const hasToken = (url: string) =>
  URL.canParse(url) && [...new URL(url).searchParams.keys()].some((key) => /^token$/i.test(key));

/** The public address of an endpoint, to which callback URLs add their token. */
export const publicUrl: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.transform(withoutLineBreaks),
  v.check(isHttpUrl, 'must be an http or https URL'),
  v.check((url) => !url.includes('#'), 'must have no fragment'),
  v.check((url) => !hasToken(url), 'must have no token parameter: createCallback() adds it'),
);
