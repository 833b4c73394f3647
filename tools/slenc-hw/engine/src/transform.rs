// SPDX-License-Identifier: GPL-2.0

//! The 4x4 transforms of ITU-T H.264 clause 8.5 and their forward counterparts.

/// Coefficients or levels of a 4x4 block in raster order.
pub(crate) type Block = [i16; 16];

/// A line of a block.
#[inline(always)]
fn line<T: Copy>(block: &[T; 16], i: usize) -> [T; 4] {
    [
        block[4 * i],
        block[4 * i + 1],
        block[4 * i + 2],
        block[4 * i + 3],
    ]
}

/// Forward core transform of a residual.
#[inline(always)]
pub(crate) fn forward(residual: &Block) -> Block {
    #[inline(always)]
    fn pass(input: &Block) -> Block {
        let mut output = [0; 16];
        for i in 0..4 {
            let [a, b, c, d] = line(input, i);
            let (s03, d03, s12, d12) = (a + d, a - d, b + c, b - c);
            // Transposed, so that two passes make rows rows again.
            output[i] = s03 + s12;
            output[4 + i] = 2 * d03 + d12;
            output[8 + i] = s03 - s12;
            output[12 + i] = d03 - 2 * d12;
        }
        output
    }
    pass(&pass(residual))
}

/// Inverse core transform, clause 8.5.12.2, with the final rounding: gives the residual.
#[inline(always)]
pub(crate) fn inverse(coefficients: &Block) -> Block {
    #[inline(always)]
    fn pass(input: &Block) -> Block {
        let mut output = [0; 16];
        for i in 0..4 {
            let [a, b, c, d] = line(input, i);
            let (e, f) = (a.wrapping_add(c), a.wrapping_sub(c));
            let (g, h) = ((b >> 1).wrapping_sub(d), b.wrapping_add(d >> 1));
            output[i] = e.wrapping_add(h);
            output[4 + i] = f.wrapping_add(g);
            output[8 + i] = f.wrapping_sub(g);
            output[12 + i] = e.wrapping_sub(h);
        }
        output
    }
    let mut residual = pass(&pass(coefficients));
    for value in &mut residual {
        *value = value.wrapping_add(32) >> 6;
    }
    residual
}

/// 4x4 Hadamard transform without scaling, its own inverse up to a factor; clause 8.5.10.
#[inline(always)]
pub(crate) fn hadamard(input: &[i32; 16]) -> [i32; 16] {
    #[inline(always)]
    fn pass(input: &[i32; 16]) -> [i32; 16] {
        let mut output = [0; 16];
        for i in 0..4 {
            let [a, b, c, d] = line(input, i);
            let (s01, d01, s23, d23) = (a + b, a - b, c + d, c - d);
            output[i] = s01 + s23;
            output[4 + i] = s01 - s23;
            output[8 + i] = d01 - d23;
            output[12 + i] = d01 + d23;
        }
        output
    }
    pass(&pass(input))
}

/// 2x2 Hadamard transform of chroma DC, its own inverse up to a factor; clause 8.5.11.1.
#[inline(always)]
pub(crate) fn hadamard2(input: [i32; 4]) -> [i32; 4] {
    let [a, b, c, d] = input;
    [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_of_scaled_forward_is_the_residual() {
        let residual: Block = std::array::from_fn(|i| ((i * 97 + 31) % 255) as i16 - 127);
        // Norms of the basis: 1/16, 1/25 and 1/20 of the three positions, times 64.
        let scaled: [i16; 16] = std::array::from_fn(|i| {
            let value = f64::from(forward(&residual)[i]) * 64.0;
            let norm = match (i / 4 % 2, i % 2) {
                (0, 0) => 16.0,
                (1, 1) => 25.0,
                _ => 20.0,
            };
            (value / norm).round() as i16
        });
        for (a, b) in inverse(&scaled).iter().zip(&residual) {
            assert!((a - b).abs() <= 1);
        }
    }

    #[test]
    fn hadamard_rows_follow_the_standard() {
        // The second basis function of clause 8.5.10 is + + - -.
        let ramp: [i32; 16] = std::array::from_fn(|i| [1, 1, -1, -1][i % 4]);
        let mut want = [0; 16];
        want[1] = 16;
        assert_eq!(hadamard(&ramp), want);
    }
}
