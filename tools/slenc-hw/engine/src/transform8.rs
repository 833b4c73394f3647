// SPDX-License-Identifier: GPL-2.0

//! The 8x8 transform of ITU-T H.264 clause 8.5.13 and its forward counterpart (S. Gordon,
//! D. Marpe and T. Wiegand, "Simplified use of 8x8 transforms", JVT-K028, 2004).

/// Coefficients or levels of an 8x8 block in raster order.
pub(crate) type Block8 = [i16; 64];

/// A line of a block; operations on it are those on its values.
#[derive(Clone, Copy)]
struct Line([i16; 8]);

impl std::ops::Add for Line {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }
}

impl std::ops::Sub for Line {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_sub(other.0[i])))
    }
}

impl std::ops::Shr<u32> for Line {
    type Output = Self;

    #[inline(always)]
    fn shr(self, count: u32) -> Self {
        Self(self.0.map(|value| value >> count))
    }
}

type Lines = [Line; 8];

#[inline(always)]
fn lines(block: &Block8) -> Lines {
    std::array::from_fn(|y| Line(std::array::from_fn(|x| block[8 * y + x])))
}

#[inline(always)]
fn block(lines: &Lines) -> Block8 {
    std::array::from_fn(|i| lines[i / 8].0[i % 8])
}

#[inline(always)]
fn transpose(lines: &Lines) -> Lines {
    std::array::from_fn(|y| Line(std::array::from_fn(|x| lines[x].0[y])))
}

/// Transforms columns forward.
#[inline(always)]
fn forward_columns([a, b, c, d, e, f, g, h]: Lines) -> Lines {
    let (s07, s16, s25, s34) = (a + h, b + g, c + f, d + e);
    let (d07, d16, d25, d34) = (a - h, b - g, c - f, d - e);
    let (outer, inner) = (s07 + s34, s16 + s25);
    let (outer_change, inner_change) = (s07 - s34, s16 - s25);
    let p = d16 + d25 + d07 + (d07 >> 1);
    let q = d07 - d34 - d25 - (d25 >> 1);
    let r = d07 + d34 - d16 - (d16 >> 1);
    let s = d16 - d25 + d34 + (d34 >> 1);
    [
        outer + inner,
        p + (s >> 2),
        outer_change + (inner_change >> 1),
        q + (r >> 2),
        outer - inner,
        r - (q >> 2),
        (outer_change >> 1) - inner_change,
        (p >> 2) - s,
    ]
}

/// Transforms columns back.
#[inline(always)]
fn inverse_columns([a, b, c, d, e, f, g, h]: Lines) -> Lines {
    let (even0, even2) = (a + e, a - e);
    let (even4, even6) = ((c >> 1) - g, c + (g >> 1));
    let (b0, b2, b4, b6) = (even0 + even6, even2 + even4, even2 - even4, even0 - even6);
    let odd1 = f - d - h - (h >> 1);
    let odd3 = b + h - d - (d >> 1);
    let odd5 = h - b + f + (f >> 1);
    let odd7 = d + f + b + (b >> 1);
    let (b1, b7) = (odd1 + (odd7 >> 2), odd7 - (odd1 >> 2));
    let (b3, b5) = (odd3 + (odd5 >> 2), (odd3 >> 2) - odd5);
    [
        b0 + b7,
        b2 + b5,
        b4 + b3,
        b6 + b1,
        b6 - b1,
        b4 - b3,
        b2 - b5,
        b0 - b7,
    ]
}

/// Forward transform of a residual.
#[inline(always)]
pub(crate) fn forward(residual: &Block8) -> Block8 {
    let columns = forward_columns(lines(residual));
    block(&transpose(&forward_columns(transpose(&columns))))
}

/// Inverse transform with the final rounding, rows first: gives the residual.
#[inline(always)]
pub(crate) fn inverse(coefficients: &Block8) -> Block8 {
    let rows = inverse_columns(transpose(&lines(coefficients)));
    let residual = inverse_columns(transpose(&rows));
    block(&residual).map(|value| value.wrapping_add(32) >> 6)
}

/// Sum of absolute values after an 8x8 Hadamard transform.
#[inline(always)]
pub(crate) fn hadamard_sum(residual: &Block8) -> u32 {
    #[inline(always)]
    fn columns([a, b, c, d, e, f, g, h]: Lines) -> Lines {
        let (a, e) = (a + e, a - e);
        let (b, f) = (b + f, b - f);
        let (c, g) = (c + g, c - g);
        let (d, h) = (d + h, d - h);
        let (a, c) = (a + c, a - c);
        let (b, d) = (b + d, b - d);
        let (e, g) = (e + g, e - g);
        let (f, h) = (f + h, f - h);
        [a + b, a - b, c + d, c - d, e + f, e - f, g + h, g - h]
    }
    let transformed = columns(transpose(&columns(lines(residual))));
    let mut sums = [0u32; 8];
    for line in transformed {
        for (sum, value) in sums.iter_mut().zip(line.0) {
            *sum += u32::from(value.unsigned_abs());
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_of_scaled_forward_is_the_residual() {
        let residual: Block8 = std::array::from_fn(|i| ((i * 97 + 31) % 255) as i16 - 127);
        // Norms of the basis functions by frequency modulo 4.
        let norm = |i: usize| [8.0, 289.0 / 32.0, 5.0, 289.0 / 32.0][i % 4];
        let scaled: Block8 = std::array::from_fn(|i| {
            let value = f64::from(forward(&residual)[i]) * 64.0;
            (value / norm(i / 8) / norm(i % 8)).round() as i16
        });
        for (a, b) in inverse(&scaled).iter().zip(&residual) {
            assert!((a - b).abs() <= 1);
        }
    }

    #[test]
    fn flat_differences_are_dc() {
        let mut want = [0; 64];
        want[0] = 64 * 3;
        assert_eq!(forward(&[3; 64]), want);
        assert_eq!(hadamard_sum(&[-3; 64]), 64 * 3);
        assert_eq!(hadamard_sum(&[255; 64]), 64 * 255);
    }
}
