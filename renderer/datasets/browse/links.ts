import { useDialogs } from '../../stores/dialogs.ts';
import { useFocus } from '../../stores/focus.ts';
import { useNavigation } from '../../stores/navigation.ts';

/** Begins a gallery of attention maps of these images. */
export function openGalleryOf(dataset: string, positions: readonly number[]): void {
  const dialogs = useDialogs();
  useFocus().dataset = dataset;
  dialogs.galleryImages = positions;
  dialogs.newGallery = true;
  useNavigation().open('attention');
}
