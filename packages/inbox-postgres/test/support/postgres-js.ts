import type { PostgresPool } from '@novita-webhooks/inbox-postgres';
import type { Sql } from 'postgres';

/** The adapter for postgres.js in the README. */
export function toPool(sql: Sql): PostgresPool {
  return {
    options: { max: sql.options.max },
    async connect() {
      const connection = await sql.reserve();
      let isOver = false;
      return {
        async query({ text, values = [] }) {
          if (isOver) throw new Error('the connection was released');
          try {
            const rows = await connection.unsafe(text, values as never[]);
            return { rows, command: rows.command };
          } catch (error) {
            isOver ||= isEnd(error as EndError);
            throw error;
          }
        },
        release(error) {
          if (error === undefined) return connection.release();
          if (isOver) return; // the server ended it, and postgres.js replaces it
          isOver = true;
          const end = 'ROLLBACK; SELECT pg_terminate_backend(pg_backend_pid())';
          connection.unsafe(end).catch(() => undefined); // it rejects because the connection ends
        },
      };
    },
  };
}

interface EndError {
  readonly severity?: string;
  readonly code?: string;
}

const isEnd = ({ severity = '', code = '' }: EndError) =>
  /^(FATAL|PANIC)/.test(severity) || /^(CONN|E[A-Z])/.test(code);
