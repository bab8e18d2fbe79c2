import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packFolder } from '../../services/engine-pack/state.ts';
import { testResume } from './resume-suite.ts';

const installed = existsSync(join(packFolder(), 'tfjs_binding.node'));
testResume('tensorflow', packFolder(), installed ? null : 'the tensorflow engine pack is not installed');
