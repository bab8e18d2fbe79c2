import { join } from 'node:path';
import { USUAL_MAPS, type MapMethod } from '../../../shared/domain/gallery.ts';
import { writeExport } from '../../services/write-export.ts';
import { curveFigure } from '../../services/figures/curve.ts';
import { drawGallery } from '../../services/figures/draw-gallery.ts';
import { renderFigure } from '../../services/figures/render.ts';
import { runCurve } from '../../services/figures/run-curve.ts';
import type { SvgFigure } from '../../services/figures/svg-document.ts';
import { tableCsv, tableLatex } from '../../services/figures/table.ts';
import { withNotes } from '../../services/figures/notes.ts';
import { footnotes, markedModels } from '../../services/marks.ts';
import type { Library } from '../../services/library.ts';
import type { Story } from './story.ts';

/** Rows of the gallery that are drawn; the measures are over all of them. */
const DRAWN_ROWS = 8;

export interface StoryFigures {
  readonly accuracy: SvgFigure;
  readonly terms: SvgFigure;
  readonly restarts: SvgFigure;
  readonly galleries: Readonly<Record<(typeof USUAL_MAPS)[number], SvgFigure>>;
}

export async function drawStory(library: Library, story: Story): Promise<StoryFigures> {
  const marked = markedModels(library, story.dataset);
  const history = async (id: string): Promise<Parameters<typeof runCurve>[0][number]> => {
    const { name, colour } = library.runs.get(id);
    return { name, colour, check: marked(id).check, points: await library.runs.points(id) };
  };
  const histories = await Promise.all(story.models.map(({ id }) => history(id)));
  const gallery = async (method: MapMethod): Promise<SvgFigure> =>
    drawGallery(library, story.gallery, method, 'row', DRAWN_ROWS);
  return {
    accuracy: runCurve(histories, 'accuracy'),
    terms: runCurve(histories.slice(-1), 'terms'),
    restarts: withNotes(restartCurve(story), footnotes(story.models.map(({ id }) => marked(id)))),
    galleries: { activation: await gallery('activation'), 'grad-cam': await gallery('grad-cam') },
  };
}

/** Writes every figure as SVG, PDF and PNG, and the result table as CSV and LaTeX; returns their paths. */
export async function writeFigures(
  library: Library,
  story: Story,
  figures: StoryFigures,
  out: string,
): Promise<string[]> {
  const named: readonly (readonly [string, SvgFigure])[] = [
    ['accuracy', figures.accuracy],
    ['loss-terms', figures.terms],
    ['restarts', figures.restarts],
    ...USUAL_MAPS.map((method) => [`gallery-${method}`, figures.galleries[method]] as const),
  ];
  const files: string[] = [];
  const write = async (file: string, bytes: Uint8Array): Promise<void> => {
    await writeExport(join(out, file), bytes);
    files.push(file);
  };
  for (const [name, figure] of named) {
    for (const format of ['svg', 'pdf', 'png'] as const) {
      await write(join('figures', `${name}.${format}`), await renderFigure(figure, format));
    }
  }
  const { manifest } = library.datasets.get(story.dataset);
  const context = { models: library.models.list(), datasetName: manifest.name, datasetHash: manifest.hash };
  const encoder = new TextEncoder();
  await write(join('tables', 'results.csv'), encoder.encode(tableCsv(story.table, context)));
  await write(join('tables', 'results.tex'), encoder.encode(tableLatex(story.table, context)));
  return files;
}

/** White-box accuracy after 1, 2, … restarts of the strongest attack. */
function restartCurve(story: Story): SvgFigure {
  const series = story.models.flatMap((run) => {
    const targets = story.evaluations.flatMap(({ result }) => result?.targets ?? []);
    const strongest = targets
      .filter(({ model, threat }) => model === run.id && threat === 'white-box')
      .reduce<readonly number[]>(
        (longest, { byRestart }) => (byRestart.length > longest.length ? byRestart : longest),
        [],
      );
    if (strongest.length === 0) return [];
    const points = strongest.map((accuracy, index): [number, number] => [index + 1, accuracy]);
    return [{ name: run.name, colour: run.colour, dash: run.colour, points }];
  });
  return curveFigure({ series, xLabel: 'restarts of PGD-200', yLabel: 'robust accuracy', yRange: [0, 1] });
}
