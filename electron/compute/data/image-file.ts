import { closeSync, openSync, readSync } from 'node:fs';
import { AppError } from '../../../shared/domain/errors.ts';

/** The file of a packed data set that holds its pixels, read in place: nothing of it is kept in memory. */
export interface ImageFile {
  /**
   * Raw pixels of the images at `positions`, 0…255: [positions, height, width, channels].
   * @param into gets them, from its start; a new array if left out.
   * @throws AppError `invalid-input` for a position that is none, `bad-data` where the file ends early.
   */
  read(positions: ArrayLike<number>, into?: Uint8Array): Uint8Array;
  /** Calling it twice is harmless. */
  close(): void;
}

export interface ImageFileLayout {
  readonly file: string;
  /** Name of the data set, for messages. */
  readonly name: string;
  readonly images: number;
  /** Bytes of one image. */
  readonly stride: number;
}

/** @throws AppError `bad-data` if the file cannot be opened. */
export function openImageFile({ file, name, images, stride }: ImageFileLayout): ImageFile {
  let descriptor: number | null;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw new AppError('bad-data', `${file} cannot be opened. Import the data set again.`, {
      cause,
      details: { file },
    });
  }

  const check = (position: number | undefined): number => {
    if (position !== undefined && Number.isInteger(position) && position >= 0 && position < images) return position;
    throw new AppError(
      'invalid-input',
      `Image ${position} is not in the data set ${name}: positions go from 0 to ${images - 1}.`,
    );
  };

  return {
    read(positions, into = new Uint8Array(positions.length * stride)) {
      if (descriptor === null) throw new AppError('internal', `${file} is closed already.`);
      let start = 0;
      while (start < positions.length) {
        const first = check(positions[start]);
        let length = 1;
        while (start + length < positions.length && positions[start + length] === first + length) length += 1;
        check(first + length - 1);
        readFully(descriptor, into, start * stride, length * stride, first * stride, file);
        start += length;
      }
      return into;
    },
    close() {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}

function readFully(
  descriptor: number,
  into: Uint8Array,
  offset: number,
  length: number,
  at: number,
  file: string,
): void {
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, into, offset + done, length - done, at + done);
    if (count === 0)
      throw new AppError('bad-data', `${file} ended early. Import the data set again.`, { details: { file } });
    done += count;
  }
}
