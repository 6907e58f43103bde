/**
 * The union of the names in the row and those in `:succeededHandlers`, each once. A series of
 * attempts only adds names. A damaged list counts as empty, so that its entry can be settled.
 */
export const ALL_SUCCEEDED_HANDLERS = `(
  SELECT json_group_array(value) FROM (
    SELECT value FROM json_each(
      CASE WHEN json_valid(novita_entries.succeeded_handlers)
           THEN novita_entries.succeeded_handlers ELSE '[]' END
    )
    UNION SELECT value FROM json_each(:succeededHandlers)
  )
)`;
