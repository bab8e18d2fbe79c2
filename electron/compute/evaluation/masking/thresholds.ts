/** Beyond `amber` a figure asks for a closer look, beyond `red` it refutes the number. null: it never does. */
export interface Limits {
  readonly amber: number | null;
  readonly red: number | null;
}

/**
 * The limits of the gradient-masking check, the same for every model; docs/masking-check.md gives the reasons. Points are
 * points of accuracy over all examples, shares are of the rightly classified examples.
 */
export const THRESHOLDS = {
  /** Points that many iterations break beyond 40. */
  iterations: { amber: 5, red: 20 },
  /** Points that many starts and the best step size break beyond one start of PGD-40. */
  restarts: { amber: 5, red: 20 },
  /** Points that one more doubling of the starts would still break, by the fitted curve. */
  doubling: { amber: 2, red: null },
  /** Points above chance that are left at ε 0.5. */
  halfEpsilon: { amber: 0, red: null },
  /** Points above chance that are left at ε 1, where every image can become any other. */
  fullEpsilon: { amber: null, red: 0 },
  /** Points that Square and transfer break of what APGD-CE and APGD-T left. */
  gradientFree: { amber: 1, red: 5 },
  /** Points that FGSM breaks of what PGD-40 left. */
  oneStep: { amber: 1, red: 5 },
  /** Points that random noise breaks of what PGD left. */
  noise: { amber: 0, red: 2 },
  /** Share of examples whose input gradient is 0 in every pixel, or not finite. */
  zeroGradients: { amber: 0.01, red: 0.1 },
  /** Share of examples whose largest entry of the input gradient is below `VANISHING`. */
  vanishingGradients: { amber: 0.1, red: null },
  /** Median error of the margin's first-order prediction, 0 (exact) … 1 (the gradient says nothing). */
  nonlinearity: { amber: 0.5, red: 0.9 },
  /** Points that the best step size breaks beyond the default one, in as many iterations. */
  stepSize: { amber: 5, red: 20 },
  /** Points that PGD-40 from one start leaves beyond the worst case over all attacks of the check. */
  worstCase: { amber: 10, red: 20 },
  /** Share of examples whose logits differ between two passes. */
  unrepeatable: { amber: 0, red: 0.01 },
} as const satisfies Record<string, Limits>;

/** Gradients below this come from losses that are saturated: probabilities of 1 within float32. */
export const VANISHING = 1e-12;

/** Logits differ if they move by more than this share of the example's range of logits: far more than rounding. */
export const REPEATED_WITHIN = 1e-3;

/** With fewer rightly classified examples an accuracy says too little. */
export const FEWEST_EXAMPLES = 20;
