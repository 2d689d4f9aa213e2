/** What can be wrong with a batch's file. */
export type Code =
  | "empty_file"
  | "file_too_large"
  | "too_many_lines"
  | "line_too_long"
  | "invalid_utf8"
  | "invalid_json"
  | "missing_field"
  | "invalid_field"
  | "unknown_parameter"
  | "unsupported_parameter"
  | "image_not_fetched"
  | "invalid_image"
  | "duplicate_custom_id"
  | "unknown_model"
  | "mismatched_model"
  | "mismatched_url";

/** What the field must be instead; the words are in i18n under `batch.hint`. */
export type Hint =
  | "object"
  | "string"
  | "custom_id"
  | "integer"
  | "range"
  | "stop"
  | "messages"
  | "content"
  | "choice"
  | "exactly"
  | "leave_out"
  | "images"
  | "image_url"
  | "image_user"
  | "image_kind"
  | "base64"
  | "model"
  | "same"
  | "duplicate"
  | "limit"
  | "line"
  | "column"
  | "cut"
  | "unusable";

export interface Problem {
  /** null: the whole file. */
  line: number | null;
  code: Code;
  param: string | null;
  hint?: Hint;
  values?: Record<string, string | number>;
}

export type Found = Omit<Problem, "line">;
