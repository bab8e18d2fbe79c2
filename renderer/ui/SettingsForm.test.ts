import { mount } from '@vue/test-utils';
import { TooltipProvider } from 'reka-ui';
import { describe, expect, it } from 'vitest';
import { defineComponent, h, ref } from 'vue';
import { describeSettings, type SettingValues } from '../../shared/domain/settings.ts';
import { trainerSettings } from '../../shared/domain/training.ts';
import { defaultValues } from './form.ts';
import SettingsForm from './SettingsForm.vue';

const fields = describeSettings(trainerSettings);

function mountForm(start: SettingValues = defaultValues(fields)) {
  const values = ref(start);
  const Host = defineComponent({
    setup: () => () =>
      h(TooltipProvider, () =>
        h(SettingsForm, {
          fields,
          modelValue: values.value,
          'onUpdate:modelValue': (next: SettingValues) => (values.value = next),
        }),
      ),
  });
  return { wrapper: mount(Host, { attachTo: document.body }), values };
}

describe('SettingsForm', () => {
  it('shows a labelled control for every field and folds the advanced ones away', () => {
    const { wrapper } = mountForm();
    for (const field of fields.filter((candidate) => candidate.type !== 'boolean')) {
      const label = wrapper.findAll('label').find((element) => element.text() === field.label);
      expect(label, field.label).toBeDefined();
      expect(wrapper.find(`#${CSS.escape(label?.attributes('for') ?? '')}`).exists(), field.label).toBe(true);
    }
    const details = wrapper.get('details');
    expect((details.element as HTMLDetailsElement).open).toBe(false);
    expect(details.findAll('label')).toHaveLength(fields.filter((field) => field.advanced).length);
  });

  it('hands on what is typed as a number and says what is wrong beside the field', async () => {
    const { wrapper, values } = mountForm();
    const label = wrapper.findAll('label').find((element) => element.text() === 'Epochs');
    const input = wrapper.get<HTMLInputElement>(`#${CSS.escape(label?.attributes('for') ?? '')}`);
    await input.setValue('12');
    expect(values.value['epochs']).toBe(12);
    await input.setValue('0');
    expect(input.attributes('aria-invalid')).toBe('true');
    expect(wrapper.get(`#${CSS.escape(input.attributes('aria-describedby') ?? '')}`).text()).toContain('at least 1');
  });

  it('opens the folded part when something in it is wrong', () => {
    const { wrapper } = mountForm({ ...defaultValues(fields), checkpointEvery: 0 });
    expect(wrapper.get('details').attributes('open')).toBeDefined();
  });

  it('shows an empty nullable field as automatic', () => {
    const { wrapper } = mountForm();
    const label = wrapper.findAll('label').find((element) => element.text() === 'Training examples');
    expect(wrapper.get(`#${CSS.escape(label?.attributes('for') ?? '')}`).attributes('placeholder')).toBe('automatic');
  });
});
