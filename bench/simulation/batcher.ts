/** Sends together what comes in while earlier calls are under way. */
export function createBatcher<Item, Answer>(
  most: number,
  flights: number,
  send: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (item: Item) => Promise<Answer> {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (answer: Answer) => void;
    readonly reject: (error: unknown) => void;
  }
  let queue: Waiting[] = [];
  let underWay = 0;

  async function fly(): Promise<void> {
    const batch = queue.slice(0, most);
    queue = queue.slice(most);
    underWay += 1;
    try {
      const answers = await send(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    underWay -= 1;
    if (queue.length > 0) void fly();
  }

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      // After this turn: what comes in together goes out together.
      if (underWay < flights && queue.length === 1) {
        queueMicrotask(() => {
          if (underWay < flights && queue.length > 0) void fly();
        });
      }
    });
}
