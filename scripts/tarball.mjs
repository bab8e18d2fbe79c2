import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, normalize, isAbsolute, sep } from 'node:path';
import { createGunzip } from 'node:zlib';

const BLOCK = 512;

function text(block, start, length) {
  const end = block.indexOf(0, start);
  return block.toString('utf8', start, end === -1 || end > start + length ? start + length : end);
}

/** Size field: octal digits, or big-endian binary when the top bit is set (GNU). */
function size(block) {
  if ((block[124] & 0x80) !== 0) return Number(block.readBigUInt64BE(128));
  return Number.parseInt(text(block, 124, 12).trim() || '0', 8);
}

function paxPath(body) {
  for (const line of body.toString('utf8').split('\n')) {
    const match = /^\d+ path=(.*)$/.exec(line);
    if (match) return match[1];
  }
  return undefined;
}

/**
 * Unpacks the regular files of an npm tarball whose path starts with `prefix` into `folder`, without the prefix.
 * Links and devices are not created; a path that would leave the folder is an error.
 * Resolves with the sorted list of relative paths written.
 */
export async function unpackTarball(tarball, prefix, folder) {
  const written = [];
  let pending = Buffer.alloc(0);
  let remaining = 0;
  let padding = 0;
  let target = null;
  let collected = null;
  let nextPath;

  const finishEntry = async () => {
    if (target) await new Promise((resolve, reject) => target.end((error) => (error ? reject(error) : resolve())));
    target = null;
    if (collected)
      nextPath = collected.pax
        ? paxPath(Buffer.concat(collected.parts))
        : text(Buffer.concat(collected.parts), 0, 65536);
    collected = null;
  };

  const startEntry = async (block) => {
    const type = String.fromCharCode(block[156] || 48);
    remaining = size(block);
    padding = (BLOCK - (remaining % BLOCK)) % BLOCK;
    if (type === 'x' || type === 'L') {
      collected = { pax: type === 'x', parts: [] };
      return;
    }
    const short = text(block, 0, 100);
    const lead = text(block, 257, 5) === 'ustar' ? text(block, 345, 155) : '';
    const path = nextPath ?? (lead ? `${lead}/${short}` : short);
    nextPath = undefined;
    if (type !== '0' || !path.startsWith(prefix)) return;
    const relative = normalize(path.slice(prefix.length));
    if (isAbsolute(relative) || relative === '..' || relative.startsWith(`..${sep}`)) {
      throw new Error(`The package holds a file outside its folder: ${path}`);
    }
    const file = join(folder, relative);
    await mkdir(dirname(file), { recursive: true });
    target = createWriteStream(file);
    target.on('error', () => {});
    written.push(relative);
  };

  for await (const chunk of createReadStream(tarball).pipe(createGunzip())) {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
    for (;;) {
      if (remaining > 0) {
        if (pending.length === 0) break;
        const part = pending.subarray(0, remaining);
        pending = pending.subarray(part.length);
        remaining -= part.length;
        if (target && !target.write(part)) await new Promise((resolve) => target.once('drain', resolve));
        collected?.parts.push(Buffer.from(part));
        if (remaining === 0) await finishEntry();
        continue;
      }
      if (padding > 0) {
        if (pending.length === 0) break;
        const skipped = Math.min(padding, pending.length);
        pending = pending.subarray(skipped);
        padding -= skipped;
        continue;
      }
      if (pending.length < BLOCK) break;
      const block = pending.subarray(0, BLOCK);
      pending = pending.subarray(BLOCK);
      if (block.every((byte) => byte === 0)) continue;
      await startEntry(block);
      if (remaining === 0) await finishEntry();
    }
  }
  if (remaining > 0) throw new Error(`${tarball} ends in the middle of a file`);
  return written.sort();
}
