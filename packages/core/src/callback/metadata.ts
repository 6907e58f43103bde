import { copyJson, CopyJsonError, refuseOther } from '../shared/copy-json.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject, isPoisoned, type JsonObject } from '../shared/json.ts';

/**
 * A copy of the metadata that a caller passed, without members that are `undefined`, at any depth.
 *
 * @param component name that the error begins with
 * @throws WebhookError `invalid_argument` with the path of the first value that JSON does not have
 */
export function checkMetadata(component: string, metadata: unknown): JsonObject {
  const copied = copyMetadata(component, metadata);
  if (isObject(copied)) {
    rejectNothingLeft(component, Object(metadata) as object, copied);
    return copied;
  }
  throw invalid(
    `${component}: metadata must be an object of JSON values, not a list, text or null.`,
  );
}

/** A misspelled variable would take the only link between a paid task and what it is for. */
function rejectNothingLeft(component: string, metadata: object, copied: JsonObject): void {
  const names = Object.keys(metadata);
  if (names.length === 0 || Object.keys(copied).length > 0) return;
  throw invalid(
    `${component}: metadata.${names.join(', metadata.')} is undefined. Pass a value, null or {}.`,
  );
}

function copyMetadata(component: string, metadata: unknown): unknown {
  try {
    const copied = copyJson({ metadata }, refuseOther) as { readonly metadata?: unknown };
    rejectPoisonedKeys(component, copied);
    return copied.metadata ?? (metadata === undefined ? {} : metadata);
  } catch (error) {
    if (!(error instanceof CopyJsonError)) throw error;
    throw invalid(`${component}: ${error.message}`, error);
  }
}

/** Of a copy, so its depth is bounded. The doors that read an entry reject such keys, so it would be lost. */
function rejectPoisonedKeys(component: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (isPoisoned(value)) {
    throw invalid(
      `${component}: metadata has a key __proto__ or constructor.prototype. Rename it.`,
    );
  }
  for (const member of Object.values(value)) rejectPoisonedKeys(component, member);
}

function invalid(message: string, cause?: unknown): WebhookError {
  return new WebhookError('invalid_argument', message, { cause });
}
