import { z } from 'zod';
import { defineDefence, noTaps } from './defence.ts';
import { mixedCrossEntropy } from './mixed.ts';
import { innerAttack, innerAttackShape, shareShape, recommendedFor } from './settings.ts';

export const ensembleAt = defineDefence({
  name: 'ensemble-at',
  label: 'Ensemble AT',
  summary:
    'Mixed-minibatch training on examples made by turns on the network itself and on finished models of the library, which stay as they are: hardens against transferred examples.',
  source: 'Tramèr et al. 2018, arXiv 1705.07204, section 3.4',
  adversarial: true,
  recommended: recommendedFor(),
  schema: z.strictObject({
    members: z.array(z.string()).min(1, 'name at least one finished model of the library').prefault([]).meta({
      label: 'Static models',
      help: 'Finished runs or imported models, by name or id, that take the same images.',
      options: 'models',
    }),
    ...innerAttackShape,
    ...shareShape,
  }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    members: settings.members,
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['clean', 'adversarial'],
    loss: (inputs) => mixedCrossEntropy(inputs, settings.share),
  }),
});
