/** The names in the row and those in `:succeededHandlers`, each once: within a series they only grow. */
export const UNITE_HANDLED = `(
  SELECT json_group_array(value) FROM (
    SELECT value FROM json_each(novita_entries.succeeded_handlers) UNION SELECT value FROM json_each(:succeededHandlers)
  )
)`;
