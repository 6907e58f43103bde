/** Begins the reason of a pending entry whose handlers wait for the Task Result API (`confirm`). */
export const WAITING = 'waiting for the Task Result API';
