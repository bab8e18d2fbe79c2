import packageJson from '../../../package.json' with { type: 'json' };

/**
 * Version of what adversarial examples are made by. Raise it with every change after which an attack of the registry may
 * give other examples from the same settings, seed, model and engine: its steps, losses, random numbers or defaults that
 * are no settings, and the forward and backward passes of networks.
 */
const ATTACKS_VERSION = 1;

/** What examples that are kept and evaluations that go on hold against the code of now: another one makes them anew. */
export const CODE_VERSION = `${packageJson.version} ${ATTACKS_VERSION}`;
