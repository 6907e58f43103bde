/** The names in the row and those in `:handled`, each once: within a series they only grow. */
export const UNITE_HANDLED = `(
  SELECT json_group_array(value) FROM (
    SELECT value FROM json_each(novita_entries.handled) UNION SELECT value FROM json_each(:handled)
  )
)`;
