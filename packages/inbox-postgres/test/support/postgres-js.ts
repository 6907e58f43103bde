import type { PostgresPool } from '@novita-webhooks/inbox-postgres';
import type { Sql } from 'postgres';

/** What the README says about `postgres`. */
export function toPool(sql: Sql): PostgresPool {
  return {
    async connect() {
      const connection = await sql.reserve();
      return {
        async query({ text, values = [] }) {
          const rows = await connection.unsafe(text, values as never[]);
          return { rows, command: rows.command };
        },
        release: () => connection.release(),
      };
    },
  };
}
