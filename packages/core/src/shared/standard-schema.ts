import { describeIssues } from './check-options.ts';

/**
 * A schema of any library that implements https://standardschema.dev, for example zod, valibot or
 * arktype. Declares the part of that interface which is used.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Exists for TypeScript only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One reason why a value does not fit a schema. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export function isStandardSchema(value: unknown): value is StandardSchema {
  // The schemas of arktype are functions.
  if (value === null || !['object', 'function'].includes(typeof value)) return false;
  const { '~standard': standard } = value as Partial<StandardSchema>;
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/**
 * Validates a copy of a JSON value, because a schema may change what it gets.
 *
 * @param name of the value; the paths in `fault` begin with it
 * @returns the output of the schema, or the faults of the value
 */
export async function validateJson<Output>(
  schema: StandardSchema<unknown, Output>,
  name: string,
  value: unknown,
): Promise<{ readonly output: Output } | { readonly fault: string }> {
  const result = await schema['~standard'].validate(structuredClone(value));
  if (result.issues === undefined) return { output: result.value };
  const issues = result.issues.map(({ path = [], message }) => ({
    path: [name, ...path.map((step) => (typeof step === 'object' ? step.key : step))],
    message,
  }));
  return { fault: describeIssues({ issues }) };
}
