import type { PostgresPool } from '@novita-webhooks/inbox-postgres';
import type { Sql } from 'postgres';

/** What the README says about `postgres`. */
export function toPool(sql: Sql): PostgresPool {
  return {
    options: { max: sql.options.max },
    async connect() {
      const connection = await sql.reserve();
      let isOver = false;
      return {
        async query({ text, values = [] }) {
          if (isOver) throw new Error('this connection was given back');
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
          if (isOver) return; // it has ended by itself, and is replaced
          isOver = true;
          const end = 'ROLLBACK; SELECT pg_terminate_backend(pg_backend_pid())';
          connection.unsafe(end).catch(() => undefined); // which is how it ends
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
