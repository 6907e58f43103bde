export interface AdapterSubject {
  readonly name: string;
}
export const adapterContract: readonly never[] = [];
