/**
 * The union of the names in the row and those in `:succeededHandlers`, each once. A series of
 * attempts only adds names.
 */
export const ALL_SUCCEEDED_HANDLERS = `(
  SELECT json_group_array(value) FROM (
    SELECT value FROM json_each(novita_entries.succeeded_handlers)
    UNION SELECT value FROM json_each(:succeededHandlers)
  )
)`;
