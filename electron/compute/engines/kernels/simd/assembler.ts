/**
 * Writes WebAssembly functions with 128-bit vectors, byte by byte (WebAssembly Core Specification 3.0, section 5).
 * Kernels are made for the exact shapes of a layer, so that all strides are constants of the code.
 */

export type LocalType = 'i32' | 'v128';
/** Index of a local variable of a function; its parameters come first. */
export type Local = number;

const I32 = 0x7f;
const V128 = 0x7b;

/** The body of a function whose parameters are all i32 and which returns nothing. */
export class FunctionWriter {
  readonly #code: number[] = [];
  readonly #locals: LocalType[] = [];
  readonly #parameters: number;
  readonly #fusedMultiplyAdd: boolean;

  constructor(parameters: number, fusedMultiplyAdd: boolean) {
    this.#parameters = parameters;
    this.#fusedMultiplyAdd = fusedMultiplyAdd;
  }

  local(type: LocalType = 'i32'): Local {
    this.#locals.push(type);
    return this.#parameters + this.#locals.length - 1;
  }

  vectors(count: number): Local[] {
    return Array.from({ length: count }, () => this.local('v128'));
  }

  get(local: Local): this {
    return this.#emit(0x20, ...unsigned(local));
  }

  set(local: Local): this {
    return this.#emit(0x21, ...unsigned(local));
  }

  constant(value: number): this {
    return this.#emit(0x41, ...signed(value));
  }

  /** local = other + bytes */
  move(local: Local, other: Local, bytes = 0): this {
    this.get(other);
    if (bytes !== 0) this.constant(bytes).#emit(0x6a);
    return this.set(local);
  }

  advance(local: Local, bytes: number): this {
    return bytes === 0 ? this : this.move(local, local, bytes);
  }

  /** local = base + index · factor */
  address(local: Local, base: Local, index: Local, factor: number): this {
    return this.get(base).get(index).constant(factor).#emit(0x6c, 0x6a).set(local);
  }

  /** local = min(other, limit), unsigned */
  atMost(local: Local, other: Local, limit: number): this {
    return this.get(other).constant(limit).get(other).constant(limit).#emit(0x49, 0x1b).set(local);
  }

  /** Repeats the body `count` times; a count of 1 needs no loop. */
  repeat(count: number, body: () => void): this {
    if (count === 1) {
      body();
      return this;
    }
    const counter = this.local();
    return this.constant(count).set(counter).#loop(counter, body);
  }

  /** Repeats the body as often as the local says, at least once, counting it down to 0. */
  countDown(counter: Local, body: () => void): this {
    return this.#loop(counter, body);
  }

  /** Repeats the body until the local, at least 1 at first, is 0: the body must see to it. */
  whileNotZero(local: Local, body: () => void): this {
    this.#emit(0x03, 0x40);
    body();
    return this.get(local).#emit(0x0d, 0x00, 0x0b);
  }

  /** local = local − other */
  subtract(local: Local, other: Local): this {
    return this.get(local).get(other).#emit(0x6b).set(local);
  }

  /** For index = 0, step, 2 · step, … < end. */
  range(index: Local, end: number, step: number, body: () => void): this {
    this.constant(0).set(index).#emit(0x03, 0x40);
    body();
    return this.advance(index, step).get(index).constant(end).#emit(0x49, 0x0d, 0x00, 0x0b);
  }

  /** Pushes the four floats at pointer + offset. */
  load(pointer: Local, offset = 0): this {
    return this.get(pointer).#emit(0xfd, 0x00, 0x02, ...unsigned(offset));
  }

  /** Pushes the float at pointer + offset, four times. */
  loadSplat(pointer: Local, offset = 0): this {
    return this.get(pointer).#emit(0xfd, 0x09, 0x02, ...unsigned(offset));
  }

  /** Stores the first `lanes` (1 to 4) floats of a vector. */
  store(pointer: Local, vector: Local, offset = 0, lanes = 4): this {
    if (lanes === 4)
      return this.get(pointer)
        .get(vector)
        .#emit(0xfd, 0x0b, 0x02, ...unsigned(offset));
    if (lanes >= 2)
      this.get(pointer)
        .get(vector)
        .#emit(0xfd, 0x5b, 0x02, ...unsigned(offset), 0);
    if (lanes % 2 === 1) this.storeLane(pointer, vector, lanes - 1, offset + (lanes - 1) * 4);
    return this;
  }

  storeLane(pointer: Local, vector: Local, lane: number, offset: number): this {
    return this.get(pointer)
      .get(vector)
      .#emit(0xfd, 0x5a, 0x02, ...unsigned(offset), lane);
  }

  zero(): this {
    return this.#emit(0xfd, 0x0c, ...new Array<number>(16).fill(0));
  }

  /** sum = a · b + sum, rounded once where the machine can. */
  multiplyAdd(sum: Local, a: Local, b: Local): this {
    if (this.#fusedMultiplyAdd) return this.get(a).get(b).get(sum).#emit(0xfd, 0x85, 0x02).set(sum);
    return this.get(a).get(b).#emit(0xfd, 0xe6, 0x01).get(sum).add().set(sum);
  }

  add(): this {
    return this.#emit(0xfd, 0xe4, 0x01);
  }

  /** The lower one less the upper one. */
  minus(): this {
    return this.#emit(0xfd, 0xe5, 0x01);
  }

  multiply(): this {
    return this.#emit(0xfd, 0xe6, 0x01);
  }

  minimum(): this {
    return this.#emit(0xfd, 0xe8, 0x01);
  }

  /** Pushes this float, four times. */
  splat(value: number): this {
    const bytes = [...new Uint8Array(Float32Array.of(value).buffer)];
    return this.#emit(0xfd, 0x0c, ...bytes, ...bytes, ...bytes, ...bytes);
  }

  maximum(): this {
    return this.#emit(0xfd, 0xe9, 0x01);
  }

  /** Pushes a mask of the lanes where the two topmost vectors are equal. */
  equal(): this {
    return this.#emit(0xfd, 0x41);
  }

  /** Pushes a mask of the lanes where the lower of the two topmost vectors is the greater one. */
  greater(): this {
    return this.#emit(0xfd, 0x44);
  }

  and(): this {
    return this.#emit(0xfd, 0x4e);
  }

  /** The lower one and not the upper one. */
  andNot(): this {
    return this.#emit(0xfd, 0x4f);
  }

  or(): this {
    return this.#emit(0xfd, 0x50);
  }

  /** Pushes four lanes out of the eight of two vectors. */
  shuffle(first: Local, second: Local, lanes: readonly [number, number, number, number]): this {
    const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte));
    return this.get(first)
      .get(second)
      .#emit(0xfd, 0x0d, ...bytes);
  }

  copy(to: Local, from: Local, bytes: number): this {
    return this.get(to).get(from).constant(bytes).#emit(0xfc, 0x0a, 0x00, 0x00);
  }

  /** Zeros from a pointer on. */
  clear(at: Local, bytes: number): this {
    return this.get(at).constant(0).constant(bytes).#emit(0xfc, 0x0b, 0x00);
  }

  /** The function's entry in the code section. */
  finish(): number[] {
    const locals = [
      ...unsigned(this.#locals.length),
      ...this.#locals.flatMap((type) => [1, type === 'i32' ? I32 : V128]),
    ];
    const body = [...locals, ...this.#code, 0x0b];
    return [...unsigned(body.length), ...body];
  }

  #loop(counter: Local, body: () => void): this {
    this.#emit(0x03, 0x40);
    body();
    return this.get(counter)
      .constant(-1)
      .#emit(0x6a, 0x22, ...unsigned(counter), 0x0d, 0x00, 0x0b);
  }

  #emit(...bytes: number[]): this {
    for (const byte of bytes) this.#code.push(byte);
    return this;
  }
}

/** A module that imports its memory and exports one function `run`. */
export function moduleBytes(parameters: number, body: readonly number[]): Uint8Array<ArrayBuffer> {
  const type = [0x60, ...unsigned(parameters), ...new Array<number>(parameters).fill(I32), 0];
  const memory = [...name('env'), ...name('memory'), 0x02, 0x00, 0x00];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, ...type]),
    ...section(2, [1, ...memory]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('run'), 0x00, 0x00]),
    ...section(10, [1, ...body]),
  ]);
}

/** Whether vectors, and vectors with a fused multiply-add, can run here. */
export function vectorSupport(): { readonly vectors: boolean; readonly fusedMultiplyAdd: boolean } {
  const works = (fused: boolean): boolean => {
    const writer = new FunctionWriter(0, fused);
    const [a = 0, b = 0, c = 0] = writer.vectors(3);
    return WebAssembly.validate(moduleBytes(0, writer.multiplyAdd(a, b, c).finish()));
  };
  return { vectors: works(false), fusedMultiplyAdd: works(true) };
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsigned(bytes.length), ...bytes];
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 127;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 128 : low);
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 127;
    rest >>= 7;
    if ((rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0)) return [...bytes, low];
    bytes.push(low | 128);
  }
}
