import { describe, expect, it } from 'vitest';
import type { SettingField, SettingValue } from '../../shared/domain/settings.ts';
import { recommendedSettings, settingsOfNext, staticModels } from './defence-settings.ts';

const field = (key: string, standard: SettingValue): SettingField => ({
  key,
  label: key,
  type: 'number',
  default: standard,
  nullable: false,
});

describe('the settings of another defence', () => {
  it('keep what was changed, and are its own defaults otherwise', () => {
    const from = [field('epsilon', 0.25), field('beta', 1), field('layers', [])];
    const to = [field('epsilon', 0.25), field('beta', 6), field('startNoise', 0.001)];
    expect(settingsOfNext(from, { epsilon: 0.1, beta: 1, layers: [] }, to)).toEqual({
      epsilon: 0.1,
      beta: 6,
      startNoise: 0.001,
    });
    expect(settingsOfNext(from, { epsilon: 0.25, beta: 2, layers: [] }, to)).toMatchObject({ epsilon: 0.25, beta: 2 });
  });
});

describe('what is recommended', () => {
  const entry = { recommended: { digits: { epsilon: 0.3, beta: 1 }, photographs: { epsilon: 8 / 255 } } };

  it('is for digits or photographs, and null once it is chosen', () => {
    expect(recommendedSettings(entry, { epsilon: 0.3, beta: 6 }, [28, 28, 1])?.settings).toEqual({
      epsilon: 0.3,
      beta: 1,
    });
    expect(recommendedSettings(entry, { epsilon: 0.3 }, [32, 32, 3])?.kind).toBe('photographs');
    expect(recommendedSettings(entry, { epsilon: 0.3, beta: 1 }, [28, 28, 1])).toBeNull();
    expect(recommendedSettings({ recommended: null }, {}, [28, 28, 1])).toBeNull();
  });
});

describe('static models', () => {
  const model = (id: string, name: string, more: object = {}) => ({
    id,
    name,
    inputShape: [28, 28, 1] as [number, number, number],
    classes: 10,
    ...more,
  });

  it('are those that take the images, by name, or by id where a name is not enough', () => {
    const models = [
      model('run-1', 'Natural'),
      model('run-2', 'AT'),
      model('run-3', 'AT'),
      model('run-4', 'Flowers', { classes: 17 }),
      model('run-5', 'Small', { inputShape: [32, 32, 3] }),
    ];
    expect(staticModels(models, [28, 28, 1], 10)).toEqual(['Natural', 'run-2', 'run-3']);
  });
});
