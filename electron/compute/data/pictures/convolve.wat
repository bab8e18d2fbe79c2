;; The two passes of a separable convolution of bytes, with 128-bit SIMD. convolve.ts says what calls them and with what;
;; scripts/convolve-wasm.mjs puts the binary of this text into convolve-wasm.ts.
(module
  (memory (export "memory") 1)

  ;; 16 columns at a time: out[i] = (sum over pairs p of w[2p] row(2p)[i] + w[2p+1] row(2p+1)[i]) / 16384.
  ;; Weights are int16 in 1/16384; their number is even. Reads and writes up to 15 columns beyond `length`.
  (func (export "rows")
    (param $out i32) (param $source i32) (param $stride i32) (param $length i32) (param $weights i32) (param $pairs i32)
    (local $column i32) (local $pair i32) (local $at i32) (local $weight i32)
    (local $first v128) (local $second v128) (local $mixed v128) (local $w v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128) (local $unit v128)
    (local.set $unit (f32x4.splat (f32.const 0x1p-14)))
    (block $done
      (loop $columns
        (br_if $done (i32.ge_s (local.get $column) (local.get $length)))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (v128.const i32x4 0 0 0 0))
        (local.set $c (v128.const i32x4 0 0 0 0))
        (local.set $d (v128.const i32x4 0 0 0 0))
        (local.set $at (i32.add (local.get $source) (local.get $column)))
        (local.set $weight (local.get $weights))
        (local.set $pair (local.get $pairs))
        (loop $taps
          (local.set $first (v128.load align=1 (local.get $at)))
          (local.set $second (v128.load align=1 (i32.add (local.get $at) (local.get $stride))))
          (local.set $w (v128.load32_splat (local.get $weight)))
          (local.set $mixed
            (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 (local.get $first) (local.get $second)))
          (local.set $a
            (i32x4.add (local.get $a) (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $mixed)) (local.get $w))))
          (local.set $b
            (i32x4.add (local.get $b) (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $mixed)) (local.get $w))))
          (local.set $mixed
            (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31 (local.get $first) (local.get $second)))
          (local.set $c
            (i32x4.add (local.get $c) (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $mixed)) (local.get $w))))
          (local.set $d
            (i32x4.add (local.get $d) (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $mixed)) (local.get $w))))
          (local.set $at (i32.add (local.get $at) (i32.shl (local.get $stride) (i32.const 1))))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (local.set $pair (i32.sub (local.get $pair) (i32.const 1)))
          (br_if $taps (local.get $pair)))
        (local.set $at (i32.add (local.get $out) (i32.shl (local.get $column) (i32.const 2))))
        (v128.store (local.get $at) (f32x4.mul (f32x4.convert_i32x4_s (local.get $a)) (local.get $unit)))
        (v128.store offset=16 (local.get $at) (f32x4.mul (f32x4.convert_i32x4_s (local.get $b)) (local.get $unit)))
        (v128.store offset=32 (local.get $at) (f32x4.mul (f32x4.convert_i32x4_s (local.get $c)) (local.get $unit)))
        (v128.store offset=48 (local.get $at) (f32x4.mul (f32x4.convert_i32x4_s (local.get $d)) (local.get $unit)))
        (local.set $column (i32.add (local.get $column) (i32.const 16)))
        (br $columns))))

  ;; A row of RGB: for each of `width` pixels the weighted sum of `count[x]` pixels of three floats from byte `from[x]` on.
  ;; Reads and writes one float beyond.
  (func (export "columnsRgb")
    (param $out i32) (param $row i32) (param $from i32) (param $count i32) (param $weights i32) (param $stride i32)
    (param $width i32)
    (local $at i32) (local $weight i32) (local $taps i32) (local $sum v128)
    (loop $pixels
      (local.set $sum (v128.const f32x4 0 0 0 0))
      (local.set $at (i32.add (local.get $row) (i32.load (local.get $from))))
      (local.set $taps (i32.load (local.get $count)))
      (local.set $weight (local.get $weights))
      (loop $each
        (local.set $sum
          (f32x4.add
            (local.get $sum)
            (f32x4.mul (v128.load32_splat (local.get $weight)) (v128.load align=4 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
        (local.set $taps (i32.sub (local.get $taps) (i32.const 1)))
        (br_if $each (local.get $taps)))
      (v128.store align=4 (local.get $out) (local.get $sum))
      (local.set $out (i32.add (local.get $out) (i32.const 12)))
      (local.set $from (i32.add (local.get $from) (i32.const 4)))
      (local.set $count (i32.add (local.get $count) (i32.const 4)))
      (local.set $weights (i32.add (local.get $weights) (local.get $stride)))
      (local.set $width (i32.sub (local.get $width) (i32.const 1)))
      (br_if $pixels (local.get $width))))

  ;; The same of one channel, four taps at a time: weights beyond `count[x]` are 0. Reads up to three floats beyond.
  (func (export "columnsGrey")
    (param $out i32) (param $row i32) (param $from i32) (param $count i32) (param $weights i32) (param $stride i32)
    (param $width i32)
    (local $at i32) (local $weight i32) (local $taps i32) (local $sum v128)
    (loop $pixels
      (local.set $sum (v128.const f32x4 0 0 0 0))
      (local.set $at (i32.add (local.get $row) (i32.load (local.get $from))))
      (local.set $taps (i32.load (local.get $count)))
      (local.set $weight (local.get $weights))
      (loop $each
        (local.set $sum
          (f32x4.add
            (local.get $sum)
            (f32x4.mul (v128.load align=4 (local.get $weight)) (v128.load align=4 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $weight (i32.add (local.get $weight) (i32.const 16)))
        (local.set $taps (i32.sub (local.get $taps) (i32.const 4)))
        (br_if $each (i32.gt_s (local.get $taps) (i32.const 0))))
      (f32.store
        (local.get $out)
        (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $sum)) (f32x4.extract_lane 1 (local.get $sum)))
          (f32.add (f32x4.extract_lane 2 (local.get $sum)) (f32x4.extract_lane 3 (local.get $sum)))))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (local.set $from (i32.add (local.get $from) (i32.const 4)))
      (local.set $count (i32.add (local.get $count) (i32.const 4)))
      (local.set $weights (i32.add (local.get $weights) (local.get $stride)))
      (local.set $width (i32.sub (local.get $width) (i32.const 1)))
      (br_if $pixels (local.get $width)))))
