import { builtinModules } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import { root } from './paths.mjs';

/** Each layer and the layers it may import; the first one whose folder holds a file decides. */
const LAYERS = [
  { folder: 'shared/domain/', may: ['shared/domain/'] },
  { folder: 'shared/', may: ['shared/'] },
  { folder: 'renderer/', may: ['renderer/', 'shared/'] },
  { folder: 'electron/compute/', may: ['electron/compute/', 'shared/domain/'] },
  { folder: 'electron/store/', may: ['electron/store/', 'shared/'] },
  { folder: 'electron/services/', may: ['electron/services/', 'electron/store/', 'electron/compute/', 'shared/'] },
  { folder: 'electron/preload/', may: ['electron/preload/', 'shared/'] },
  { folder: 'electron/main/', may: ['electron/main/', 'electron/services/', 'shared/'] },
  { folder: 'electron/cli/', may: ['electron/cli/', 'electron/services/', 'shared/'] },
];

const isNode = (name) => name.startsWith('node:') || builtinModules.includes(name);
/** Vue draws the window; its server renderer also writes the command line's HTML report. */
const isWindow = (name) => /^(vue|pinia|vue-i18n|vue-echarts|reka-ui)(\/|$)/.test(name);

/** Packages that a layer must not know about, with the reason that the message gives. */
const PACKAGES = [
  { folder: 'electron/compute/', forbids: (name) => name === 'electron', why: 'compute code runs without Electron' },
  {
    folder: 'electron/',
    except: 'electron/cli/quickstart/',
    forbids: isWindow,
    why: 'only the renderer draws',
  },
  {
    folder: 'shared/',
    forbids: (name) => name === 'electron' || isNode(name),
    why: 'shared code runs in the sandboxed renderer too',
  },
  { folder: 'shared/', forbids: isWindow, why: 'only the renderer draws' },
  {
    folder: 'renderer/',
    forbids: (name) => name === 'electron' || isNode(name),
    why: 'the renderer is sandboxed; ask through the contract',
  },
  { folder: 'renderer/', forbids: (name) => name.startsWith('@tensorflow/'), why: 'the renderer never computes' },
];

const posix = (path) => path.split(sep).join('/');

/** Why `file` may not import `target`, or null when it may. Paths are relative to the root; `name` is the specifier. */
export function layerViolation(file, name) {
  const isTest = /\.test\.ts$/.test(file);
  if (!name.startsWith('.')) {
    if (isTest) return null;
    const rule = PACKAGES.find(
      ({ folder, except, forbids }) => file.startsWith(folder) && !(except && file.startsWith(except)) && forbids(name),
    );
    return rule ? `${rule.folder} must not import '${name}': ${rule.why}.` : null;
  }
  const layer = LAYERS.find(({ folder }) => file.startsWith(folder));
  if (!layer) return null;
  const target = posix(relative(root, resolve(root, dirname(file), name.replace(/\?.*$/, ''))));
  if (layer.may.some((folder) => `${target}/`.startsWith(folder))) return null;
  if (isTest && file.startsWith('electron/') && /^(electron|shared)\//.test(target)) return null;
  if (/^(resources\/|package\.json$)/.test(target)) return null;
  return `${layer.folder} must not import ${target}: imports go one way (${layer.folder} → ${layer.may.join(', ')}).`;
}

/** ESLint plugin with one rule, `one-way`: imports follow the layers of the tree. */
export const layers = {
  rules: {
    'one-way': {
      meta: { type: 'problem', schema: [], docs: { description: 'imports follow the layers of the tree' } },
      create(context) {
        const file = posix(relative(root, context.filename));
        const check = (node) => {
          if (typeof node.source?.value !== 'string') return;
          const message = layerViolation(file, node.source.value);
          if (message) context.report({ node, message });
        };
        return {
          ImportDeclaration: check,
          ImportExpression: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
        };
      },
    },
  },
};
