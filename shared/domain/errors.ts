/** Every way in which a request can fail, named once. The window, the command line and the job protocol share the list. */
export const ERROR_CODES = [
  'invalid-input',
  'not-found',
  'conflict',
  'bad-data',
  'wrong-architecture',
  'source-is-target',
  'io',
  'library-read-only',
  'library-full',
  'library-newer',
  'library-busy',
  'engine-unavailable',
  'engine-pack',
  'engine-failed',
  'out-of-memory',
  'non-finite',
  'cancelled',
  'job-crashed',
  'unsupported',
  'forbidden',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error as it crosses a process boundary: plain data, written for a person. */
export interface ErrorData {
  readonly code: ErrorCode;
  /** What is wrong, where, and what to do about it. */
  readonly message: string;
  /** Names and values behind the message: file, field, expected, found. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  /** True where the same request may succeed later without a change. */
  readonly retry?: boolean | undefined;
}

/** The only error that services, compute code and the command line throw on purpose. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorData['details'];
  readonly retry: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: ErrorData['details']; readonly cause?: unknown; readonly retry?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
    this.retry = options.retry ?? false;
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, details: this.details, retry: this.retry };
  }

  static fromData(data: ErrorData): AppError {
    return new AppError(data.code, data.message, { details: data.details, retry: data.retry ?? false });
  }
}

/** Any thrown value as an {@link AppError}; unknown ones become `internal` with their message, never their stack. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError('internal', `Something unexpected went wrong: ${message}`, { cause: thrown });
}
