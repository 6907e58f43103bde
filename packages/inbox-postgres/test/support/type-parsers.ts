import type { CustomTypesConfig } from 'pg';
import pg from 'pg';

const { builtins } = pg.types;
const TEXT_OID: number = builtins.TEXT;
const asText = (value: string): string => value;

const toConfig = (parse: (oid: number) => (value: string) => unknown): CustomTypesConfig => ({
  getTypeParser: (oid: number) => parse(oid),
});

/** Type parsers that applications set. Each also gets columns of text. */
export const TYPE_PARSERS = {
  /** Every value stays text, also `t` and `f`. */
  text: toConfig(() => asText),
  bigint: toConfig((oid) => {
    const integers: readonly number[] = [builtins.INT2, builtins.INT4, builtins.INT8];
    return integers.includes(oid) ? BigInt : asText;
  }),
  /** Fails for every column that is no text, as a list of known types does. */
  textOnly: toConfig((oid) => {
    if (oid === TEXT_OID) return asText;
    return (value) => {
      throw new Error(`no parser for type ${oid}: ${value}`);
    };
  }),
} as const;
