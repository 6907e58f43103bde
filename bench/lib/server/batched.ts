/** Sends together what comes in one turn of the event loop: a message costs more than what is in it. */
export function batched<T>(send: (items: readonly T[]) => void): (item: T) => void {
  let items: T[] = [];
  return (item) => {
    items.push(item);
    if (items.length > 1) return;
    setImmediate(() => {
      const together = items;
      items = [];
      send(together);
    });
  };
}
