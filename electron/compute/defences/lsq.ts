import { cleanPenalty } from './clean-penalty.ts';
import { defineDefence } from './defence.ts';
import { logitSqueezing } from './terms.ts';

export const lsq = defineDefence({
  name: 'lsq',
  label: 'LSQ',
  summary:
    'Logit squeezing: the norm of the logits is penalised. It hides gradients rather than making a network robust: ' +
    'a positive control of the gradient-masking check.',
  source: 'Kannan et al. 2018, arXiv 1803.06373, section 4.2; weight as Mosbach et al. 2018, arXiv 1810.12042',
  ...cleanPenalty(logitSqueezing),
});
