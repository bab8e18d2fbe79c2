import { AppError, toAppError } from '../../shared/domain/errors.ts';

/** What a training threw, with the command that goes on from it where there is one. @param run its id */
export function withResumeHint(thrown: unknown, run: string): AppError {
  const error = toAppError(thrown);
  const command = commandFor(error);
  if (command === null) return error;
  return new AppError(error.code, `${error.message} Go on with: pairlight resume ${run} ${command}`, {
    cause: error,
    details: error.details,
    retry: error.retry,
  });
}

function commandFor({ code, details }: AppError): string | null {
  if (code === 'non-finite') return '--rate-factor 0.1';
  const parts = details?.['accumulation'];
  return code === 'out-of-memory' ? `--accumulation ${typeof parts === 'number' ? parts : 2}` : null;
}
