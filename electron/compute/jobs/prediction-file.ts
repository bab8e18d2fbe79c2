/** File of a model's predictions for a data set, in the job's folder and where they are kept. */
export const PREDICTIONS_FILE = 'predictions.npz';
