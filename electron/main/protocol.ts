import { protocol, type Session } from 'electron';
import { SCHEME } from '../../shared/contract/bridge.ts';
import { answer, type TensorSource } from './responses.ts';

/** Tells Chromium about the scheme. Call before the application is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true } },
  ]);
}

/**
 * Answers `pairlight://app/…` with the built window's files and `pairlight://tensor/…` with arrays of the library.
 * @param pages folder of the built renderer.
 */
export function serveProtocol(session: Session, pages: string, tensors: TensorSource): void {
  session.protocol.handle(SCHEME, (request) => answer(request, pages, tensors));
}
