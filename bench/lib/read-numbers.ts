import { parseArgs } from 'node:util';

/** Reads whole numbers from the command line, such as `--rounds 3`. */
export function readNumbers<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(defaults) as Name[];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ options });
  const read = (name: Name): [Name, number] => {
    const number = Number(values[name] ?? defaults[name]);
    if (!(Number.isInteger(number) && number > 0))
      throw new Error(`bench: --${name} must be a whole number above 0.`);
    return [name, number];
  };
  return Object.fromEntries(names.map(read)) as Record<Name, number>;
}
