import type { AscentStepsPlan, ModuleFactory } from '../../electron/compute/modules/api.ts';

interface AdamPlan extends AscentStepsPlan {
  readonly loss: 'cross-entropy' | 'margin' | 'dlr';
  readonly rate: number;
}

/** An attack by gradients: projected steps of Adam. */
const module: ModuleFactory = ({ tf, z, defineAscent, defineAttack, losses, norms, settings, words }) => {
  const family = defineAscent<AdamPlan>({
    name: 'adam-pgd',
    // Two tensors of the images' shape go from step to step: the means of gradients and of their squares.
    memory: () => 2,
    step(model, { images, labels, targeted, memory, iteration }, { loss, rate }) {
      const { logits, gradient } = model.gradient(images, (seen) => losses.named(loss, seen.logits, labels));
      // Of length 1 in each row: the squares of a confident example's gradient would be 0 in float32.
      const unit = norms.steepest('l2', targeted ? tf.neg(gradient) : gradient);
      const [first, second] = memory as [typeof images, typeof images];
      const mean = tf.add(tf.mul(0.9, first), tf.mul(0.1, unit));
      const squares = tf.add(tf.mul(0.99, second), tf.mul(0.01, tf.square(unit)));
      const made = tf.reshape(tf.add(iteration, 1), [-1, 1, 1, 1]);
      const unbiased = tf.div(mean, tf.sub(1, tf.pow(0.9, made)));
      const deviation = tf.sqrt(tf.div(squares, tf.sub(1, tf.pow(0.99, made))));
      const change = tf.mul(rate, tf.div(unbiased, tf.add(deviation, 1e-8)));
      return { change, gradient, logits, memory: [mean, squares] };
    },
  });

  const adamPgd = defineAttack({
    name: 'adam-pgd',
    label: 'Adam-PGD',
    summary: 'Projected gradient steps of Adam, whose size follows the gradients seen so far.',
    source: 'Kingma & Ba 2015, arXiv 1412.6980, algorithm 1; projection as Madry et al. 2018',
    help: 'PGD with the steps of Adam. Its rate is about how far a pixel moves in one step.',
    schema: z.strictObject({
      epsilon: settings.epsilonLinf,
      steps: settings.steps(40),
      loss: z.enum(['cross-entropy', 'margin', 'dlr']).default('margin').meta({ label: 'Loss' }),
      rate: z.number().positive('must be above 0').max(1).default(0.02).meta({ label: 'Rate', unit: 'of [0, 1]' }),
      restarts: settings.restarts,
    }),
    plan: ({ epsilon, steps, loss, rate, restarts }): AdamPlan => ({
      family,
      norm: 'linf',
      epsilon,
      steps,
      loss,
      rate,
      restarts,
      randomStart: true,
      stopAtSuccess: false,
    }),
    describe: ({ steps, restarts }) => `Adam-PGD-${steps}${restarts > 1 ? ` × ${restarts}` : ''}`,
    weakness: ({ steps, restarts }) => words.fewStepsOrStarts(steps, restarts),
  });

  return { attacks: [adamPgd] };
};

export default module;
