import { SCHEME } from '../../shared/contract/bridge.ts';

/** Origin of the window's own pages, the only one that may call main. */
export const APP_ORIGIN = `${SCHEME}://app`;

/** The one style element that a component of Reka UI makes itself: it hides the scroll bar of an open select. */
const SELECT_STYLE = "'sha256-60LHlRjW/B3CtzIoE/Lf1/NEDvko9efWMFaGVhHu/cs='";

/** Sent with every page of the window. Scripts, styles and fonts come from the application itself, data from its protocol. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' ${SELECT_STYLE}`,
  "font-src 'self'",
  "img-src 'self' blob: data:",
  `connect-src 'self' ${SCHEME}:`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
