/**
 * The names that Pairlight's own random streams have, as their first key after the seed. An attack family of a module
 * names streams too, so it has none of these: it would draw the same numbers as, say, random starts do.
 */
export const STREAM_NAMES: readonly string[] = [
  'apgd',
  'augment',
  'bootstrap',
  'boundary',
  'fab',
  'fold',
  'goal',
  'hopskipjump',
  'limit',
  'map',
  'momentum',
  'noise',
  'order',
  'pixel noise',
  'probe',
  'sample',
  'source',
  'spatial',
  'split',
  'spsa',
  'square',
  'start',
  'surface',
  'weights',
];
