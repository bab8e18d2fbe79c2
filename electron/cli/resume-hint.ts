import { AppError, toAppError } from '../../shared/domain/errors.ts';

/** What a training threw, with the command that goes on from it where there is one. @param run its id */
export function withResumeHint(thrown: unknown, run: string): AppError {
  const error = toAppError(thrown);
  const command = commandFor(error);
  if (command === null) return error;
  return new AppError(error.code, `${error.message} Go on with: ${['pairlight resume', run, ...command].join(' ')}`, {
    cause: error,
    details: error.details,
    retry: error.retry,
  });
}

/** Flags of the command; null where going on does not help. */
function commandFor({ code, details }: AppError): readonly string[] | null {
  switch (code) {
    case 'non-finite':
      return ['--rate-factor 0.1'];
    case 'out-of-memory': {
      const parts = details?.['accumulation'];
      return [`--accumulation ${typeof parts === 'number' ? parts : 2}`];
    }
    case 'library-full':
    case 'job-crashed':
      return [];
    default:
      return null;
  }
}
