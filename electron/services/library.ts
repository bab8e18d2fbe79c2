import type { Preferences } from '../../shared/contract/calls.ts';
import type { Catalogue } from '../../shared/domain/catalogue.ts';
import type { InitialReport } from '../../shared/domain/architecture.ts';
import type { CheckRequest } from '../../shared/domain/check.ts';
import type { EngineChoice, EnginePackState, EngineReport } from '../../shared/domain/engine.ts';
import type { EvaluationRequest, ExampleQuery } from '../../shared/domain/evaluation.ts';
import type { GalleryRequest } from '../../shared/domain/gallery.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import type {
  CheckRow,
  EvaluationRow,
  GalleryRow,
  JobRow,
  LibrarySnapshot,
  ResultTable,
  RunRow,
} from '../../shared/domain/library.ts';
import type { z } from 'zod';
import type { examplePage } from '../../shared/domain/library.ts';
import type { ModelFile, ModelProbe, ModelSummary, ReadingHint } from '../../shared/domain/model.ts';
import type {
  PlanClasses,
  PlanComparison,
  PlanCurves,
  PlanEstimate,
  PlanExtension,
  PlanRequest,
  PlanResult,
  PlanRow,
} from '../../shared/domain/plan.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import type { RunChange, TrainConfig, WeightChoice } from '../../shared/domain/training.ts';
import type { Trajectory, TrajectoryRequest } from '../../shared/domain/trajectory.ts';
import type { ArchitectureService } from './architectures.ts';
import type { DatasetService } from './datasets/service.ts';
import type { LibraryEvents } from './events.ts';
import type { JobLauncher } from './job-transport.ts';
import type { ModuleService } from './modules/service.ts';
import type { SweepService } from './sweeps/service.ts';
import type { TensorData } from './tensors.ts';

export interface LibraryOptions {
  readonly launcher: JobLauncher;
  /**
   * `all`: this process runs every waiting job of the library while it holds the queue's lease (the window).
   * `own`: only the jobs that it created itself (one command of the command line). `none`: it only reads.
   */
  readonly serves?: 'all' | 'own' | 'none';
  /** Limit of the memory of each job that this process makes or resumes, in bytes; left out: that of the preferences. */
  readonly maxMemory?: number | undefined;
  /** Folder of the bundled sample (IDX files) that a new library gets; null: none. */
  readonly sample?: string | null;
}

/** Told of a new entity within the very write that adds it: what it writes is there if and only if the entity is. */
export type Added = (id: EntityId) => void;

/** Everything that the window and the command line can do with one library folder. Inputs are checked by the contract's schemas. */
export interface Library {
  /** Absolute path of the library folder. */
  readonly folder: string;
  readonly events: LibraryEvents;
  snapshot(): LibrarySnapshot;
  /** Architectures, defences, attacks, presets and the trainer's settings. */
  catalogue(): Promise<Catalogue>;
  /** Size on disk of data sets, runs and everything else, in bytes. */
  bytes(): Promise<number>;

  readonly preferences: {
    get(): Preferences;
    set(change: Partial<Preferences>): Preferences;
  };

  /** The user's modules: files of the folder `modules` in the library. */
  readonly modules: Pick<ModuleService, 'list' | 'readAgain' | 'pin' | 'setTrusted'>;

  readonly datasets: DatasetService;

  readonly models: {
    list(): readonly ModelSummary[];
    get(id: EntityId): ModelSummary;
    /** What a job host needs to load the model. */
    file(id: EntityId): ModelFile;
    import(options: {
      readonly path: string;
      /** Of weights in NPZ or safetensors; other files say themselves what they are. */
      readonly architecture?: string | undefined;
      /** Of that architecture; left out: its defaults. */
      readonly settings?: SettingValues | undefined;
      readonly dataset: EntityId;
      readonly name?: string | undefined;
      readonly reading?: ReadingHint | undefined;
    }): Promise<ModelSummary>;
    /**
     * How well a model of another program does on the data set's images under each reading of its input that fits.
     * @returns null for weights of a network, which have one reading.
     */
    probe(options: {
      readonly path: string;
      readonly dataset: EntityId;
      readonly reading?: ReadingHint | undefined;
    }): Promise<ModelProbe | null>;
  };

  readonly architectures: ArchitectureService;

  readonly runs: {
    create(config: TrainConfig, added?: Added): Promise<{ readonly id: EntityId }>;
    /** @throws AppError for what `create` would refuse. Writes nothing. */
    check(config: TrainConfig): Promise<void>;
    /**
     * Queues a run again that ended without a result, from its last checkpoint, with a lower learning rate or more
     * micro-batches. @throws AppError `conflict` for a run that is not at its end, or has its result.
     */
    goOn(change: RunChange): Promise<void>;
    /**
     * A model with the last, best or averaged weights of a run: the run's own where it keeps them, else one beside it,
     * made once. @throws AppError `not-found` if the run has no such weights.
     */
    model(id: EntityId, weights: WeightChoice): Promise<ModelSummary>;
    get(id: EntityId): RunRow;
    folder(id: EntityId): string;
    /** What became of the weights that it started from; null if it drew all of them. */
    initial(id: EntityId): Promise<InitialReport | null>;
    /** Points of the metrics after step `after` (-1: all), oldest first. */
    points(id: EntityId, after?: number): Promise<readonly TrainPoint[]>;
  };

  readonly evaluations: {
    create(request: EvaluationRequest): Promise<{ readonly id: EntityId }>;
    get(id: EntityId): EvaluationRow;
    folder(id: EntityId): string;
    examples(query: ExampleQuery): z.infer<typeof examplePage>;
    table(dataset: EntityId): Promise<ResultTable>;
    /** The attack on one example of a finished evaluation, step by step: made in a process of its own, then kept. */
    trajectory(request: TrajectoryRequest): Promise<Trajectory>;
  };

  readonly plans: {
    /** Expands a plan into evaluations and queues them, cheapest first. */
    create(request: PlanRequest, added?: Added): Promise<{ readonly id: EntityId }>;
    get(id: EntityId): PlanRow;
    list(): readonly PlanRow[];
    /** What it would cost; with an id, what is left of that plan if it became this. */
    estimate(request: PlanRequest, id?: EntityId): Promise<PlanEstimate>;
    /** Adds models, attacks, ε, sources or seeds, and queues what is missing; how many evaluations that is. */
    extend(change: PlanExtension): Promise<{ readonly added: number }>;
    /** Queues again what failed or was cancelled, and goes on with what is paused. */
    run(id: EntityId): void;
    pause(id: EntityId): void;
    cancel(id: EntityId): void;
    result(id: EntityId): Promise<PlanResult>;
    curves(id: EntityId): Promise<PlanCurves>;
    classes(id: EntityId, model: EntityId, column: string | null): Promise<PlanClasses>;
    compare(id: EntityId, column: string | null): Promise<PlanComparison>;
  };

  readonly sweeps: SweepService;

  readonly checks: {
    /** Queues the gradient-masking check of one model. */
    create(request: CheckRequest, added?: Added): Promise<{ readonly id: EntityId }>;
    get(id: EntityId): CheckRow;
    list(): readonly CheckRow[];
  };

  readonly galleries: {
    create(request: GalleryRequest, added?: Added): Promise<{ readonly id: EntityId }>;
    get(id: EntityId): GalleryRow;
    folder(id: EntityId): string;
  };

  readonly jobs: {
    list(): readonly JobRow[];
    get(id: string): JobRow;
    pause(id: string): void;
    /** Goes on with a paused job once there is a place for it, or queues an interrupted, failed or cancelled one again (a training from its last checkpoint). */
    resume(id: string): void;
    cancel(id: string): void;
    move(id: string, position: number): void;
    /** Resolves once the job has ended in any way (`done`, `failed`, `cancelled`, `interrupted`), also where another process runs it. */
    wait(id: string): Promise<JobRow>;
    /** Jobs that this process is running now. */
    running(): readonly JobRow[];
  };

  readonly entities: {
    rename(id: EntityId, name: string): void;
    /** Into the bin, with what depends on it; returns the names of all of it. */
    delete(id: EntityId): { readonly deleted: string[] };
    /** Takes `id` and what went with it out of the bin. */
    restore(id: EntityId): void;
  };

  readonly engines: {
    list(): Promise<{
      readonly engines: readonly EngineReport[];
      readonly packs: readonly EnginePackState[];
      readonly chosen: EngineChoice;
    }>;
    /** Self-test and speed test in a process of its own; the report is kept and sent as `engine.tested`. */
    test(engine: EngineChoice): Promise<EngineReport>;
  };

  readonly tensors: {
    /**
     * The rows behind an address made by `tensorUrl`.
     * @throws AppError `not-found` for unknown ids, arrays and rows, `invalid-input` for a malformed address.
     */
    read(address: string): Promise<TensorData>;
  };

  /** Stops the jobs of this process (trainings keep a checkpoint and become `interrupted`), releases the lease, closes the database. */
  dispose(): Promise<void>;
}

/**
 * Opens the library in `folder`, making it if it is new.
 * @throws AppError `library-read-only`, `library-full`, `library-newer`, `library-busy`, `io` or `bad-data`, naming the folder.
 */
export type OpenLibrary = (folder: string, options: LibraryOptions) => Promise<Library>;
