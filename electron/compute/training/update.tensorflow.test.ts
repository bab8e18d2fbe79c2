import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packFolder } from '../../services/engine-pack/state.ts';
import { testUpdates } from './update-suite.ts';

const installed = existsSync(join(packFolder(), 'tfjs_binding.node'));
testUpdates('tensorflow', packFolder(), installed ? null : 'the tensorflow engine pack is not installed');
