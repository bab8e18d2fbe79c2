/** A file that a pack takes from the wheel. `sha256` pins it; files without one are checked through the wheel's sum. */
export interface WheelFile {
  readonly from: string;
  readonly to: string;
  readonly sha256?: string;
}

/** What a pack is made of: one wheel with TensorFlow's libraries, and the addon that is compiled against it. */
export interface PackRecipe {
  readonly engine: 'tensorflow';
  /** Version of TensorFlow, which is the version of the pack. */
  readonly version: string;
  /** `process.platform`-`process.arch` of the machines it runs on. */
  readonly platform: string;
  readonly wheel: {
    readonly requirement: string;
    /** The interpreter and platform whose wheel is fetched, whatever Python is installed here. */
    readonly selectors: readonly string[];
    readonly bytes: number;
    readonly sha256: string;
  };
  readonly files: readonly WheelFile[];
  /** Path prefixes of the headers that the addon includes; needed for the build only. */
  readonly headers: readonly string[];
  readonly libraries: readonly string[];
  /** Size of the unpacked files, in bytes; for the progress only. */
  readonly unpacked: number;
  /** Free space that assembling needs: wheel, libraries and some room, in bytes. */
  readonly room: number;
}

export const ADDON = 'tfjs_binding.node';

/** TensorFlow 2.20.0 for the CPU, Linux x64. The addon speaks Node-API, so no Python runs with it. */
export const TENSORFLOW_CPU: PackRecipe = {
  engine: 'tensorflow',
  version: '2.20.0',
  platform: 'linux-x64',
  wheel: {
    requirement: 'tensorflow-cpu==2.20.0',
    selectors: ['--python-version', '3.11', '--implementation', 'cp', '--platform', 'manylinux2014_x86_64'],
    bytes: 258_876_263,
    sha256: 'cf756bbe2d256e942ab5d0ad2c858fb40017581494febdb4387c149b1afde780',
  },
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
    { from: 'tensorflow/include/LICENSE', to: 'LICENSE' },
    { from: 'tensorflow/THIRD_PARTY_NOTICES.txt', to: 'THIRD_PARTY_NOTICES.txt' },
  ],
  headers: [
    'tensorflow/include/tensorflow/c/',
    'tensorflow/include/tensorflow/core/platform/ctstring',
    'tensorflow/include/tsl/platform/ctstring',
    'tensorflow/include/xla/tsl/c/',
  ],
  libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  unpacked: 781_000_000,
  room: 1_300_000_000,
};
