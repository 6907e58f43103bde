/** Defines a `body` that throws when it is read, as a getter of other middleware may. */
export function defineThrowingBody(request: object): void {
  Object.defineProperty(request, 'body', {
    get() {
      throw new Error('this body cannot be read');
    },
  });
}
