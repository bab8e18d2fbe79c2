import { cleanPenalty } from './clean-penalty.ts';
import { defineDefence } from './defence.ts';
import { cleanLogitPairing } from './terms.ts';

export const clp = defineDefence({
  name: 'clp',
  label: 'CLP',
  summary:
    'Clean logit pairing: logits of unrelated images are pulled together. It hides gradients rather than making a network robust: ' +
    'a positive control of the gradient-masking check.',
  source: 'Kannan et al. 2018, arXiv 1803.06373, section 4.2; weight as Mosbach et al. 2018, arXiv 1810.12042',
  ...cleanPenalty(cleanLogitPairing, 2),
});
