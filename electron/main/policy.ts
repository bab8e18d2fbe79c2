import { SCHEME } from '../../shared/contract/bridge.ts';

/** Origin of the window's own pages, the only one that may call main. */
export const APP_ORIGIN = `${SCHEME}://app`;

/** Sent with every page of the window. Scripts, styles and fonts come from the application itself, data from its protocol. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' blob: data:",
  `connect-src 'self' ${SCHEME}:`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
