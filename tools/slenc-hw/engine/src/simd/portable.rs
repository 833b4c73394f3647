// SPDX-License-Identifier: GPL-2.0

//! The kernels in plain Rust, written so that the compiler vectorises them.

use super::Kernels;
use crate::cavlc::{ZIGZAG, ZIGZAG_8X8};
use crate::deblock::Edge;
use crate::quant::Quantiser;
use crate::quant8::Quantiser8;
use crate::transform::{forward, inverse, Block};
use crate::transform8::{self, Block8};

pub(super) static KERNELS: Kernels = Kernels {
    sad,
    sad_plane,
    satd,
    satd_chroma,
    satd_modes,
    forward_luma,
    forward_chroma,
    quantise,
    zigzag,
    add_luma,
    add_chroma,
    sa8d,
    sa8d_modes,
    forward_8x8,
    quantise_8x8,
    zigzag_8x8,
    add_8x8,
    copy,
    average,
    chroma,
    half_samples,
    luma_vertical,
    luma_horizontal,
    chroma_vertical,
    chroma_horizontal,
};

/// Offset of luma block `i` in the macroblock's 16 lines of 16 (clause 6.4.3).
#[inline(always)]
const fn luma_offset(i: usize) -> usize {
    let x = 4 * (i % 2) + 8 * (i / 4 % 2);
    let y = 4 * (i / 2 % 2) + 8 * (i / 8);
    16 * y + x
}

/// Offset of chroma block `i`.
#[inline(always)]
const fn chroma_offset(i: usize) -> usize {
    64 * (i / 2 % 2) + 4 * (i % 2) + 8 * (i / 4)
}

#[inline(always)]
pub(super) fn sad(a: &[u8; 256], b: &[u8; 256]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum()
}

#[inline(always)]
pub(super) fn sad_plane(source: &[u8; 256], plane: &[u8], stride: usize) -> [u32; 4] {
    let mut sums = [0; 4];
    for (y, line) in source.chunks_exact(16).enumerate() {
        let other = &plane[y * stride..][..16];
        for half in 0..2 {
            let (a, b) = (&line[8 * half..][..8], &other[8 * half..][..8]);
            let sum: u32 = a
                .iter()
                .zip(b)
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum();
            sums[2 * (y / 8) + half] += sum;
        }
    }
    sums
}

#[inline(always)]
fn difference(a: &[u8], b: &[u8], stride: usize) -> Block {
    std::array::from_fn(|i| {
        let at = i / 4 * stride + i % 4;
        i16::from(a[at]) - i16::from(b[at])
    })
}

/// Sum of absolute values after a 4x4 Hadamard transform.
#[inline(always)]
fn hadamard_sum(block: &Block) -> u32 {
    let mut rows = [0i16; 16];
    for i in 0..4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|j| block[4 * i + j]);
        let (s, t, u, v) = (a + b, a - b, c + d, c - d);
        rows[i] = s + u;
        rows[4 + i] = s - u;
        rows[8 + i] = t - v;
        rows[12 + i] = t + v;
    }
    let mut sum = 0;
    for i in 0..4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|j| rows[4 * i + j]);
        let (s, t, u, v) = (a + b, a - b, c + d, c - d);
        for value in [s + u, s - u, t - v, t + v] {
            sum += u32::from(value.unsigned_abs());
        }
    }
    sum
}

#[inline(always)]
pub(super) fn satd(a: &[u8], b: &[u8], width: usize, height: usize) -> u32 {
    let mut sum = 0;
    for y in (0..height).step_by(4) {
        for x in (0..width).step_by(4) {
            let at = 16 * y + x;
            sum += hadamard_sum(&difference(&a[at..], &b[at..], 16));
        }
    }
    sum / 2
}

#[inline(always)]
pub(super) fn satd_chroma(a: &[u8; 128], b: &[u8; 128]) -> u32 {
    let sum: u32 = (0..8)
        .map(|i| {
            let at = chroma_offset(i);
            hadamard_sum(&difference(&a[at..], &b[at..], 16))
        })
        .sum();
    sum / 2
}

#[inline(always)]
pub(super) fn satd_modes(source: &[u8; 16], predictions: &[[u8; 16]; 9]) -> [u32; 9] {
    std::array::from_fn(|i| hadamard_sum(&difference(source, &predictions[i], 4)) / 2)
}

#[inline(always)]
pub(super) fn forward_luma(source: &[u8; 256], prediction: &[u8; 256], to: &mut [Block; 16]) {
    for (i, block) in to.iter_mut().enumerate() {
        let at = luma_offset(i);
        *block = forward(&difference(&source[at..], &prediction[at..], 16));
    }
}

#[inline(always)]
pub(super) fn forward_chroma(source: &[u8; 128], prediction: &[u8; 128], to: &mut [Block; 8]) {
    for (i, block) in to.iter_mut().enumerate() {
        let at = chroma_offset(i);
        *block = forward(&difference(&source[at..], &prediction[at..], 16));
    }
}

#[inline(always)]
pub(super) fn quantise(blocks: &mut [Block], quantiser: &Quantiser) -> u32 {
    let mut mask = 0;
    for (i, block) in blocks.iter_mut().enumerate() {
        let largest = quantiser.quantise(block);
        mask |= (u32::from(largest > 0) << i) | (u32::from(largest > 1) << (16 + i));
    }
    mask
}

#[inline(always)]
pub(super) fn zigzag(block: &Block) -> (Block, u32) {
    let levels = ZIGZAG.map(|i| block[usize::from(i)]);
    let mut mask = 0;
    for (i, &level) in levels.iter().enumerate() {
        mask |= u32::from(level != 0) << i;
    }
    (levels, mask)
}

/// Adds the inverse transform of a block to samples in lines of 16.
#[inline(always)]
fn add(block: &Block, to: &mut [u8]) {
    let residual = inverse(block);
    for y in 0..4 {
        for (sample, &value) in to[16 * y..][..4].iter_mut().zip(&residual[4 * y..]) {
            *sample = (i16::from(*sample) + value).clamp(0, 255) as u8;
        }
    }
}

#[inline(always)]
pub(super) fn add_luma(blocks: &[Block; 16], mask: u32, to: &mut [u8; 256]) {
    for (i, block) in blocks.iter().enumerate() {
        if (mask >> i) & 1 != 0 {
            add(block, &mut to[luma_offset(i)..]);
        }
    }
}

#[inline(always)]
pub(super) fn add_chroma(blocks: &[Block; 8], mask: u32, to: &mut [u8; 128]) {
    for (i, block) in blocks.iter().enumerate() {
        if (mask >> i) & 1 != 0 {
            add(block, &mut to[chroma_offset(i)..]);
        }
    }
}

/// Sum of absolute values after an 8x8 Hadamard transform, whose gain is twice that of a 4x4 one.
#[inline(always)]
fn sa8d_block(difference: &Block8) -> u32 {
    (transform8::hadamard_sum(difference) + 2) >> 2
}

#[inline(always)]
pub(super) fn sa8d(a: &[u8; 256], b: &[u8; 256]) -> u32 {
    let mut sum = 0;
    for at in [0, 8, 128, 136] {
        let (a, b) = (&a[at..], &b[at..]);
        sum += sa8d_block(&std::array::from_fn(|i| {
            let at = i / 8 * 16 + i % 8;
            i16::from(a[at]) - i16::from(b[at])
        }));
    }
    sum
}

#[inline(always)]
pub(super) fn sa8d_modes(source: &[u8; 64], predictions: &[[u8; 64]; 9]) -> [u32; 9] {
    let mut sums = [0; 9];
    for (sum, prediction) in sums.iter_mut().zip(predictions) {
        let difference = std::array::from_fn(|i| i16::from(source[i]) - i16::from(prediction[i]));
        *sum = sa8d_block(&difference);
    }
    sums
}

#[inline(always)]
pub(super) fn forward_8x8(source: &[u8; 64], prediction: &[u8; 64], to: &mut Block8) {
    let difference = std::array::from_fn(|i| i16::from(source[i]) - i16::from(prediction[i]));
    *to = transform8::forward(&difference);
}

#[inline(always)]
pub(super) fn quantise_8x8(block: &mut Block8, quantiser: &Quantiser8) -> i16 {
    quantiser.quantise(block)
}

#[inline(always)]
pub(super) fn zigzag_8x8(block: &Block8) -> Block8 {
    ZIGZAG_8X8.map(|i| block[usize::from(i) % 64])
}

#[inline(always)]
pub(super) fn add_8x8(block: &Block8, to: &mut [u8], stride: usize) {
    let residual = transform8::inverse(block);
    for y in 0..8 {
        for (sample, &value) in to[stride * y..][..8].iter_mut().zip(&residual[8 * y..]) {
            *sample = i16::from(*sample).saturating_add(value).clamp(0, 255) as u8;
        }
    }
}

#[inline(always)]
pub(super) fn copy(from: &[u8], stride: usize, to: &mut [u8], width: usize, height: usize) {
    // Copies of a length known beforehand need no call.
    for y in 0..height {
        let (from, to) = (&from[y * stride..], &mut to[16 * y..]);
        match width {
            16 => to[..16].copy_from_slice(&from[..16]),
            _ => to[..8].copy_from_slice(&from[..8]),
        }
    }
}

#[inline(always)]
pub(super) fn average(from: [&[u8]; 2], stride: usize, to: &mut [u8], width: usize, height: usize) {
    for y in 0..height {
        let [a, b] = from.map(|plane| &plane[y * stride..][..width]);
        for ((to, &a), &b) in to[16 * y..][..width].iter_mut().zip(a).zip(b) {
            *to = ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
        }
    }
}

/// Clause 8.4.2.2.2.
#[inline(always)]
pub(super) fn chroma(
    from: &[u8],
    stride: usize,
    [dx, dy]: [u8; 2],
    to: &mut [u8],
    width: usize,
    height: usize,
) {
    let (dx, dy) = (u16::from(dx), u16::from(dy));
    let weights = [(8 - dx) * (8 - dy), dx * (8 - dy), (8 - dx) * dy, dx * dy];
    for y in 0..height {
        let upper = &from[y * stride..][..2 * width + 2];
        let lower = &from[(y + 1) * stride..][..2 * width + 2];
        for x in 0..2 * width {
            let corners = [upper[x], upper[x + 2], lower[x], lower[x + 2]];
            let sum: u16 = corners
                .iter()
                .zip(weights)
                .map(|(&sample, weight)| u16::from(sample) * weight)
                .sum();
            to[16 * y + 8 * (x % 2) + x / 2] = ((sum + 32) >> 6) as u8;
        }
    }
}

/// Clause 8.4.2.2.1: the line between the third and the fourth.
#[inline(always)]
pub(super) fn half_samples(lines: [&[u8]; 6], to: [&mut [u8]; 3], scratch: &mut [i16]) {
    let length = to[0].len();
    let lines = lines.map(|line| &line[..length + 5]);
    let scratch = &mut scratch[..length + 5];
    for (x, sum) in scratch.iter_mut().enumerate() {
        let [a, b, c, d, e, f] = lines.map(|line| i16::from(line[x]));
        *sum = (a + f) - 5 * (b + e) + 20 * (c + d);
    }
    let [horizontal, vertical, diagonal] = to;
    let (vertical, diagonal) = (&mut vertical[..length], &mut diagonal[..length]);
    let middle = lines[2];
    for x in 0..length {
        let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|i| i16::from(middle[x + i]));
        let sum = (a + f) - 5 * (b + e) + 20 * (c + d);
        horizontal[x] = ((sum + 16) >> 5).clamp(0, 255) as u8;
        vertical[x] = ((scratch[x + 2] + 16) >> 5).clamp(0, 255) as u8;
        let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|i| i32::from(scratch[x + i]));
        let sum = (a + f) - 5 * (b + e) + 20 * (c + d);
        diagonal[x] = ((sum + 512) >> 10).clamp(0, 255) as u8;
    }
}

/// Filters a line of luma samples across an edge, p3 to q3; clauses 8.7.2.3 and 8.7.2.4.
#[inline(always)]
fn luma_line(line: [u8; 8], edge: &Edge, tc0: u8) -> [u8; 8] {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = line.map(i32::from);
    let (alpha, beta) = (i32::from(edge.alpha), i32::from(edge.beta));
    if (p0 - q0).abs() >= alpha || (p1 - p0).abs() >= beta || (q1 - q0).abs() >= beta {
        return line;
    }
    let (p_flat, q_flat) = ((p2 - p0).abs() < beta, (q2 - q0).abs() < beta);
    let mut to = [p3, p2, p1, p0, q0, q1, q2, q3];
    if edge.strong {
        let small = (p0 - q0).abs() < (alpha >> 2) + 2;
        if small && p_flat {
            to[3] = (p2 + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3;
            to[2] = (p2 + p1 + p0 + q0 + 2) >> 2;
            to[1] = (2 * p3 + 3 * p2 + p1 + p0 + q0 + 4) >> 3;
        } else {
            to[3] = (2 * p1 + p0 + q1 + 2) >> 2;
        }
        if small && q_flat {
            to[4] = (p1 + 2 * p0 + 2 * q0 + 2 * q1 + q2 + 4) >> 3;
            to[5] = (p0 + q0 + q1 + q2 + 2) >> 2;
            to[6] = (2 * q3 + 3 * q2 + q1 + q0 + p0 + 4) >> 3;
        } else {
            to[4] = (2 * q1 + q0 + p1 + 2) >> 2;
        }
    } else {
        let tc0 = i32::from(tc0);
        let tc = tc0 + i32::from(p_flat) + i32::from(q_flat);
        let delta = (((q0 - p0) * 4 + (p1 - q1) + 4) >> 3).clamp(-tc, tc);
        to[3] = (p0 + delta).clamp(0, 255);
        to[4] = (q0 - delta).clamp(0, 255);
        let middle = (p0 + q0 + 1) >> 1;
        if p_flat {
            to[2] = p1 + ((p2 + middle - 2 * p1) >> 1).clamp(-tc0, tc0);
        }
        if q_flat {
            to[5] = q1 + ((q2 + middle - 2 * q1) >> 1).clamp(-tc0, tc0);
        }
    }
    to.map(|value| value as u8)
}

/// Filters a line of chroma samples across an edge, p1 to q1.
#[inline(always)]
fn chroma_line(line: [u8; 4], edge: &Edge, tc0: u8) -> [u8; 4] {
    let [p1, p0, q0, q1] = line.map(i32::from);
    let (alpha, beta) = (i32::from(edge.alpha), i32::from(edge.beta));
    if (p0 - q0).abs() >= alpha || (p1 - p0).abs() >= beta || (q1 - q0).abs() >= beta {
        return line;
    }
    let (p0, q0) = if edge.strong {
        ((2 * p1 + p0 + q1 + 2) >> 2, (2 * q1 + q0 + p1 + 2) >> 2)
    } else {
        let tc = i32::from(tc0) + 1;
        let delta = (((q0 - p0) * 4 + (p1 - q1) + 4) >> 3).clamp(-tc, tc);
        ((p0 + delta).clamp(0, 255), (q0 - delta).clamp(0, 255))
    };
    [line[0], p0 as u8, q0 as u8, line[3]]
}

#[inline(always)]
pub(super) fn luma_vertical(plane: &mut [u8], stride: usize, edge: &Edge) {
    for y in 0..16 {
        if let Some(tc0) = edge.tc0[y / 4] {
            let line = &mut plane[y * stride..][..8];
            let samples = std::array::from_fn(|i| line[i]);
            line.copy_from_slice(&luma_line(samples, edge, tc0));
        }
    }
}

#[inline(always)]
pub(super) fn luma_horizontal(p: &mut [u8], q: &mut [u8], stride: usize, edge: &Edge) {
    for x in 0..16 {
        if let Some(tc0) = edge.tc0[x / 4] {
            let at = |i: usize| i % 4 * stride + x;
            let samples = std::array::from_fn(|i| if i < 4 { p[at(i)] } else { q[at(i)] });
            for (i, sample) in luma_line(samples, edge, tc0).into_iter().enumerate() {
                let side = if i < 4 { &mut *p } else { &mut *q };
                side[at(i)] = sample;
            }
        }
    }
}

#[inline(always)]
pub(super) fn chroma_vertical(plane: &mut [u8], stride: usize, edge: &Edge) {
    for y in 0..8 {
        if let Some(tc0) = edge.tc0[y / 2] {
            let line = &mut plane[y * stride..][..8];
            for component in 0..2 {
                let samples = std::array::from_fn(|i| line[2 * i + component]);
                let filtered = chroma_line(samples, edge, tc0);
                for (i, sample) in filtered.into_iter().enumerate() {
                    line[2 * i + component] = sample;
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn chroma_horizontal(p: &mut [u8], q: &mut [u8], stride: usize, edge: &Edge) {
    for x in 0..16 {
        if let Some(tc0) = edge.tc0[x / 4] {
            let samples = [p[x], p[stride + x], q[x], q[stride + x]];
            let filtered = chroma_line(samples, edge, tc0);
            p[stride + x] = filtered[1];
            q[x] = filtered[2];
        }
    }
}
