import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import yauzl from 'yauzl';

/** Bytes read ahead where reads follow each other, as they do in a zip archive's directory. */
const WINDOW = 1 << 18;
/** Bytes read where the last read was elsewhere. */
const PEEK = 4096;

const readInto = promisify(read);

/** An archive for yauzl, read ahead: of small entries heads and contents come with one read. */
export class WindowReader extends yauzl.RandomAccessReader {
  readonly size: number;
  private readonly file: number;
  private start = 0;
  private held = Buffer.alloc(0);
  private isOpen = true;

  constructor(path: string) {
    super();
    this.file = openSync(path, 'r');
    this.size = fstatSync(this.file).size;
  }

  /** A copy of some bytes; fewer where the archive ends. */
  async bytes(start: number, length: number): Promise<Uint8Array> {
    if (length <= PEEK) {
      const copy = Buffer.allocUnsafeSlow(length);
      return copy.subarray(0, this.copyTo(copy, 0, length, start));
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await readInto(this.file, bytes, 0, length, start);
    return bytes.subarray(0, bytesRead);
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.chunks(start, end));
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    try {
      setImmediate(callback, null, this.copyTo(buffer, offset, length, position));
    } catch (error) {
      setImmediate(callback, error as Error);
    }
  }

  override close(callback: (error: Error | null) => void): void {
    this.dispose();
    setImmediate(callback, null);
  }

  dispose(): void {
    if (this.isOpen) closeSync(this.file);
    this.isOpen = false;
  }

  private copyTo(buffer: Buffer, offset: number, length: number, position: number): number {
    if (position < this.start || position + length > this.start + this.held.length) {
      const isNear = position >= this.start && position - this.start < 2 * WINDOW;
      const wanted = Math.max(length, Math.min(isNear ? WINDOW : PEEK, this.size - position));
      const window = Buffer.allocUnsafeSlow(wanted);
      this.held = window.subarray(0, readSync(this.file, window, 0, wanted, position));
      this.start = position;
    }
    const from = position - this.start;
    return this.held.copy(buffer, offset, from, from + length);
  }

  private async *chunks(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      const chunk = await this.bytes(at, Math.min(WINDOW, end - at));
      if (chunk.length === 0) return;
      at += chunk.length;
      yield chunk;
    }
  }
}
