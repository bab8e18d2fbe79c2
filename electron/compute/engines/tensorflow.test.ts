import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packFolder } from '../../services/engine-pack/state.ts';
import { testEngine } from './engine-suite.ts';

const installed = existsSync(join(packFolder(), 'tfjs_binding.node'));
testEngine('tensorflow', packFolder(), installed ? null : 'the tensorflow engine pack is not installed');
